(call_expression function: (expression (identifier) @reference.call))
(call_expression function: (expression (member_expression property: (identifier) @reference.call)))
(user_defined_type (identifier) @reference.type)
(inheritance_specifier ancestor: (user_defined_type (identifier) @reference.inherit))
