(call method: (identifier) @reference.call)
(call method: (constant) @reference.call)
(assignment left: (instance_variable) @reference.write)
(constant) @reference.type
(superclass (constant) @reference.inherit)
(superclass (scope_resolution name: (constant) @reference.inherit))
((call method: (identifier) @_mix arguments: (argument_list (constant) @reference.inherit))
  (#any-of? @_mix "include" "extend" "prepend"))
