(function_definition) @scope
(method_definition) @scope
(compound_statement) @scope
(parameter_declaration declarator: (_) @local.declarator)
(declaration declarator: (_) @local.declarator)
(method_parameter (identifier) @local)
