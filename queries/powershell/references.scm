(command command_name: (command_name) @reference.call)
(type_name (type_identifier) @reference.type)
(class_statement . (simple_name) (simple_name) @reference.inherit)
