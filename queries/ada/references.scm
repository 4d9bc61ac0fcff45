(function_call name: (identifier) @reference.call)
(procedure_call_statement name: (identifier) @reference.call)
(component_definition subtype_mark: (identifier) @reference.type)
(parameter_specification subtype_mark: (identifier) @reference.type)
