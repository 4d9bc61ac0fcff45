(method_declaration) @scope
(closure) @scope
(block) @scope
(formal_parameter name: (identifier) @local)
(block (local_variable_declaration (variable_declarator name: (identifier) @local)))
