(apply function: (variable) @reference.call)
(name) @reference.type
(instance name: (name) @reference.inherit)
