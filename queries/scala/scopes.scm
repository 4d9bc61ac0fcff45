(function_definition) @scope
(lambda_expression) @scope
(block) @scope
(parameter name: (identifier) @local)
(block (val_definition pattern: (identifier) @local))
(block (var_definition pattern: (identifier) @local))
