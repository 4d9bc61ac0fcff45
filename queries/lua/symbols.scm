(function_declaration name: (identifier) @name) @definition.function
(function_declaration
  name: (dot_index_expression table: (_) @container field: (identifier) @name)) @definition.function
(function_declaration
  name: (method_index_expression table: (_) @container method: (identifier) @name)) @definition.method
(chunk (assignment_statement (variable_list name: (identifier) @name)) @definition.variable)
(chunk
  (variable_declaration (assignment_statement (variable_list name: (identifier) @name))) @definition.variable)
(assignment_statement
  (variable_list . name: (identifier) @name .)
  (expression_list . value: (function_definition) @body .)) @definition.function
(assignment_statement
  (variable_list . name: (dot_index_expression table: (_) @container field: (identifier) @name) .)
  (expression_list . value: (function_definition) @body .)) @definition.function
