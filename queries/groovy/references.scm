(method_invocation function: (identifier) @reference.call)
(method_invocation function: (field_access field: (identifier) @reference.call))
(type_identifier) @reference.type
(superclass (type_identifier) @reference.inherit)
(super_interfaces (type_identifier) @reference.inherit)
