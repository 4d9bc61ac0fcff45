(function_expression) @scope
(function_expression universal: (identifier) @local)
(formal name: (identifier) @local)
