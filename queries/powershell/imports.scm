((command
  command_name: (command_name) @_import
  command_elements: (command_elements (generic_token) @import.module)) @import
  (#any-of? @_import "Import-Module" "using"))
(command (command_invokation_operator) command_name: (command_name_expr) @import.module) @import
