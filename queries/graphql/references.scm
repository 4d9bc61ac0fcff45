(named_type (name) @reference.type)
(implements_interfaces (named_type (name) @reference.inherit))
(fragment_spread (fragment_name (name) @reference.call))
