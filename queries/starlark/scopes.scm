(function_definition) @scope
(parameters (identifier) @local)
(parameters (default_parameter name: (identifier) @local))
(assignment left: (identifier) @local)
(for_statement left: (identifier) @local)
