(assignment left: (attribute attribute: (identifier) @reference.write))
(assignment left: (identifier) @reference.write)
(augmented_assignment left: (identifier) @reference.write)
(augmented_assignment left: (attribute attribute: (identifier) @reference.write))
(call function: (identifier) @reference.call)
(call function: (attribute attribute: (identifier) @reference.call))
(decorator (identifier) @reference.call)
(type (identifier) @reference.type)
(type (attribute attribute: (identifier) @reference.type))
(generic_type (identifier) @reference.type)
(class_definition superclasses: (argument_list (identifier) @reference.inherit))
(class_definition
  superclasses: (argument_list (attribute attribute: (identifier) @reference.inherit)))
(class_definition
  superclasses: (argument_list (subscript value: (identifier) @reference.inherit)))
(class_definition
  superclasses: (argument_list
    (subscript value: (attribute attribute: (identifier) @reference.inherit))))
