(func_call name: (identifier) @reference.call)
(assignment_exp left: (identifier) @reference.write)
