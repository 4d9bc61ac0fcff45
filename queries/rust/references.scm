(call_expression function: (identifier) @reference.call)
(call_expression function: (scoped_identifier name: (identifier) @reference.call))
(call_expression function: (field_expression field: (field_identifier) @reference.call))
(call_expression function: (generic_function function: (identifier) @reference.call))
(call_expression
  function: (generic_function function: (scoped_identifier name: (identifier) @reference.call)))
(call_expression
  function: (generic_function function: (field_expression field: (field_identifier) @reference.call)))
(macro_invocation macro: (identifier) @reference.call)
(macro_invocation macro: (scoped_identifier name: (identifier) @reference.call))
(assignment_expression left: (identifier) @reference.write)
(assignment_expression left: (field_expression field: (field_identifier) @reference.write))
(type_identifier) @reference.type
(impl_item trait: (type_identifier) @reference.inherit)
(impl_item trait: (generic_type type: (type_identifier) @reference.inherit))
(impl_item trait: (scoped_type_identifier name: (type_identifier) @reference.inherit))
(impl_item
  trait: (generic_type type: (scoped_type_identifier name: (type_identifier) @reference.inherit)))
(trait_item bounds: (trait_bounds (type_identifier) @reference.inherit))
(trait_item bounds: (trait_bounds (generic_type type: (type_identifier) @reference.inherit)))
(trait_item
  bounds: (trait_bounds (scoped_type_identifier name: (type_identifier) @reference.inherit)))
(trait_item
  bounds: (trait_bounds
    (generic_type type: (scoped_type_identifier name: (type_identifier) @reference.inherit))))
