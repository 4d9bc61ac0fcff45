(type_identifier) @reference.type
(class_heritage (extends_clause value: (identifier) @reference.inherit))
(class_heritage (extends_clause value: (member_expression property: (property_identifier) @reference.inherit)))
(class_heritage (implements_clause (type_identifier) @reference.inherit))
(class_heritage (implements_clause (generic_type name: (type_identifier) @reference.inherit)))
(extends_type_clause type: (type_identifier) @reference.inherit)
(extends_type_clause type: (generic_type name: (type_identifier) @reference.inherit))
(class_heritage
  (implements_clause (nested_type_identifier name: (type_identifier) @reference.inherit)))
(class_heritage
  (implements_clause
    (generic_type name: (nested_type_identifier name: (type_identifier) @reference.inherit))))
(extends_type_clause type: (nested_type_identifier name: (type_identifier) @reference.inherit))
(extends_type_clause
  type: (generic_type name: (nested_type_identifier name: (type_identifier) @reference.inherit)))
