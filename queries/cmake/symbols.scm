(function_def (function_command (argument_list . (argument (unquoted_argument) @name)))) @definition.function
(macro_def (macro_command (argument_list . (argument (unquoted_argument) @name)))) @definition.macro
((normal_command
  (identifier) @_target (argument_list . (argument (unquoted_argument) @name))) @definition.module
  (#any-of? @_target "add_executable" "add_library" "add_custom_target" "project"
    "ADD_EXECUTABLE" "ADD_LIBRARY" "ADD_CUSTOM_TARGET" "PROJECT"))
((normal_command
  (identifier) @_set (argument_list . (argument (unquoted_argument) @name))) @definition.variable
  (#any-of? @_set "set" "option" "SET" "OPTION"))
