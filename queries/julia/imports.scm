(using_statement (identifier) @import.module) @import
(import_statement (identifier) @import.module) @import
(import_statement (selected_import . (identifier) @import.module (identifier) @import.name)) @import
(using_statement (selected_import . (identifier) @import.module (identifier) @import.name)) @import
((call_expression
  . (identifier) @_include (argument_list (string_literal) @import.module @import.relative)) @import
  (#eq? @_include "include"))
