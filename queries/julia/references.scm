(call_expression . (identifier) @reference.call)
(call_expression . (field_expression (identifier) @reference.call .))
(macrocall_expression (macro_identifier (identifier) @reference.call))
