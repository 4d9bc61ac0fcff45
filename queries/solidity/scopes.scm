(function_definition) @scope
(parameter name: (identifier) @local)
(variable_declaration name: (identifier) @local)
