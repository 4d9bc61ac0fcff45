(function_declaration) @scope
(lambda_literal) @scope
(secondary_constructor) @scope
(parameter . (identifier) @local)
(block (property_declaration (variable_declaration (identifier) @local)))
(for_statement (variable_declaration (identifier) @local))
