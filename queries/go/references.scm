(call_expression function: (identifier) @reference.call)
(call_expression function: (selector_expression field: (field_identifier) @reference.call))
(assignment_statement left: (expression_list (identifier) @reference.write))
(assignment_statement
  left: (expression_list (selector_expression field: (field_identifier) @reference.write)))
(type_identifier) @reference.type
(struct_type
  (field_declaration_list (field_declaration !name type: (type_identifier) @reference.inherit)))
(struct_type
  (field_declaration_list
    (field_declaration !name type: (qualified_type name: (type_identifier) @reference.inherit))))
(struct_type
  (field_declaration_list
    (field_declaration !name type: (generic_type type: (type_identifier) @reference.inherit))))
(struct_type
  (field_declaration_list
    (field_declaration !name
      type: (generic_type type: (qualified_type name: (type_identifier) @reference.inherit)))))
(interface_type (type_elem . (type_identifier) @reference.inherit .))
(interface_type (type_elem . (qualified_type name: (type_identifier) @reference.inherit) .))
(interface_type (type_elem . (generic_type type: (type_identifier) @reference.inherit) .))
(interface_type
  (type_elem . (generic_type type: (qualified_type name: (type_identifier) @reference.inherit)) .))
