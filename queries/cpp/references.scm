(call_expression function: (qualified_identifier name: (identifier) @reference.call))
(call_expression
  function: (qualified_identifier name: (qualified_identifier name: (identifier) @reference.call)))
(call_expression function: (template_function name: (identifier) @reference.call))
(base_class_clause (type_identifier) @reference.inherit)
(base_class_clause (qualified_identifier name: (type_identifier) @reference.inherit))
(base_class_clause (template_type name: (type_identifier) @reference.inherit))
(namespace_identifier) @reference.type
(base_class_clause
  (qualified_identifier name: (qualified_identifier name: (type_identifier) @reference.inherit)))
(base_class_clause
  (qualified_identifier name: (qualified_identifier name: (qualified_identifier name: (type_identifier) @reference.inherit))))
(base_class_clause
  (qualified_identifier name: (template_type name: (type_identifier) @reference.inherit)))
(base_class_clause
  (qualified_identifier name: (qualified_identifier name: (template_type name: (type_identifier) @reference.inherit))))
(base_class_clause
  (qualified_identifier name: (qualified_identifier name: (qualified_identifier name: (template_type name: (type_identifier) @reference.inherit)))))
