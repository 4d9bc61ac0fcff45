(function_definition) @scope
(function_definition (assignment . (identifier) @local))
(function_definition
  (signature (call_expression (argument_list (identifier) @local))))
(function_definition
  (signature (call_expression (argument_list (typed_expression . (identifier) @local)))))
