(function_body) @scope
(block) @scope
(local_variable_declaration (initialized_variable_definition name: (identifier) @local))
