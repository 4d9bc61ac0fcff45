(required_parameter pattern: (identifier) @local)
(optional_parameter pattern: (identifier) @local)
(required_parameter pattern: (rest_pattern (identifier) @local))
(function_signature) @scope
(method_signature) @scope
(abstract_method_signature) @scope
(class_declaration) @scope
(abstract_class_declaration) @scope
(interface_declaration) @scope
(type_alias_declaration) @scope
(function_type) @scope
(type_parameter name: (type_identifier) @local)
