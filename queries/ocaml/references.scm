(application_expression function: (value_path (value_name) @reference.call))
(type_constructor_path (type_constructor) @reference.type)
