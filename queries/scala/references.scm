(call_expression function: (identifier) @reference.call)
(call_expression function: (field_expression field: (identifier) @reference.call))
(type_identifier) @reference.type
(extends_clause (type_identifier) @reference.inherit)
(extends_clause (generic_type type: (type_identifier) @reference.inherit))
(extends_clause (stable_type_identifier (type_identifier) @reference.inherit .))
(extends_clause
  (generic_type type: (stable_type_identifier (type_identifier) @reference.inherit .)))
