((apply_expression
  function: (variable_expression name: (identifier) @_import)
  argument: (path_expression) @import.module) @import
  (#eq? @_import "import"))
