(type_identifier) @reference.type
(superclass (type_identifier) @reference.inherit)
(interfaces (type_identifier) @reference.inherit)
(mixins (type_identifier) @reference.inherit)
