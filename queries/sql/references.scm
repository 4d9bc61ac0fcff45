(invocation (object_reference name: (identifier) @reference.call))
(relation (object_reference name: (identifier) @reference.type))
