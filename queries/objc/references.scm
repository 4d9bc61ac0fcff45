(call_expression function: (identifier) @reference.call)
(message_expression method: (identifier) @reference.call)
(type_identifier) @reference.type
(class_interface superclass: (identifier) @reference.inherit)
