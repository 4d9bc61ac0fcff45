(function_declaration) @scope
(init_declaration) @scope
(lambda_literal) @scope
(parameter name: (simple_identifier) @local)
(statements (property_declaration name: (pattern bound_identifier: (simple_identifier) @local)))
