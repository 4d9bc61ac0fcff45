(function_definition) @scope
(parameter name: (identifier) @local)
(braced_expression (binary_operator lhs: (identifier) @local ["<-" "="]))
(for_statement variable: (identifier) @local)
