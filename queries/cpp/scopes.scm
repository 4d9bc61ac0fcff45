(lambda_expression) @scope
(for_range_loop) @scope
(template_declaration) @scope
(for_range_loop declarator: (_) @local.declarator)
(optional_parameter_declaration declarator: (_) @local.declarator)
(type_parameter_declaration (type_identifier) @local)
