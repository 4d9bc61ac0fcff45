(method_invocation name: (identifier) @reference.call)
(method_reference (identifier) @reference.call .)
(assignment_expression left: (identifier) @reference.write)
(assignment_expression left: (field_access field: (identifier) @reference.write))
(type_identifier) @reference.type
(object_creation_expression type: (type_identifier) @reference.call)
(object_creation_expression type: (generic_type (type_identifier) @reference.call))
(annotation name: (identifier) @reference.type)
(marker_annotation name: (identifier) @reference.type)
(superclass (type_identifier) @reference.inherit)
(superclass (generic_type (type_identifier) @reference.inherit))
(super_interfaces (type_list (type_identifier) @reference.inherit))
(super_interfaces (type_list (generic_type (type_identifier) @reference.inherit)))
(extends_interfaces (type_list (type_identifier) @reference.inherit))
(extends_interfaces (type_list (generic_type (type_identifier) @reference.inherit)))
(superclass (scoped_type_identifier (type_identifier) @reference.inherit .))
(superclass
  (generic_type (scoped_type_identifier (type_identifier) @reference.inherit .)))
(super_interfaces (type_list (scoped_type_identifier (type_identifier) @reference.inherit .)))
(super_interfaces (type_list
  (generic_type (scoped_type_identifier (type_identifier) @reference.inherit .))))
(extends_interfaces (type_list (scoped_type_identifier (type_identifier) @reference.inherit .)))
(extends_interfaces (type_list
  (generic_type (scoped_type_identifier (type_identifier) @reference.inherit .))))
