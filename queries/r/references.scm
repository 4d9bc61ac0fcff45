(call function: (identifier) @reference.call)
(call function: (namespace_operator rhs: (identifier) @reference.call))
