(function_statement) @scope
(script_parameter (variable) @local)
