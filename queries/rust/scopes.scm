(function_item) @scope
(closure_expression) @scope
(block) @scope
(match_arm) @scope
(for_expression) @scope
(if_expression) @scope
(while_expression) @scope
(parameter pattern: (identifier) @local)
(parameter pattern: (mut_pattern (identifier) @local))
(parameter pattern: (ref_pattern (identifier) @local))
(parameter pattern: (tuple_pattern (identifier) @local))
(closure_parameters (identifier) @local)
(closure_parameters (tuple_pattern (identifier) @local))
(let_declaration pattern: (identifier) @local)
(let_declaration pattern: (mut_pattern (identifier) @local))
(let_declaration pattern: (tuple_pattern (identifier) @local))
(tuple_struct_pattern (identifier) @local)
(tuple_struct_pattern (mut_pattern (identifier) @local))
(match_pattern (identifier) @local)
(for_expression pattern: (identifier) @local)
(for_expression pattern: (tuple_pattern (identifier) @local))
(struct_item) @scope
(enum_item) @scope
(trait_item) @scope
(impl_item) @scope
(function_signature_item) @scope
(type_parameters (type_parameter name: (type_identifier) @local))
