(call_expression function: (identifier) @reference.call)
(type (identifier) @reference.type)
