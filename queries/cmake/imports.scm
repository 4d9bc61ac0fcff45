((normal_command
  (identifier) @_include
  (argument_list . (argument (unquoted_argument) @import.module @import.relative))) @import
  (#any-of? @_include "include" "add_subdirectory" "INCLUDE" "ADD_SUBDIRECTORY"))
((normal_command
  (identifier) @_find (argument_list . (argument (unquoted_argument) @import.module))) @import
  (#any-of? @_find "find_package" "FIND_PACKAGE"))
