(function_declaration) @scope
(block) @scope
(parameter name: (identifier) @local)
(block (variable_declaration . (identifier) @local))
