(value_definition (let_binding pattern: (value_name) @name)) @definition.variable
(value_definition (let_binding pattern: (value_name) @name (parameter))) @definition.function
(type_definition (type_binding name: (type_constructor) @name)) @definition.type
(constructor_declaration (constructor_name) @name) @definition.constant
(field_declaration (field_name) @name) @definition.field
(module_definition (module_binding (module_name) @name)) @definition.module
(module_type_definition (module_type_name) @name) @definition.interface
(class_definition (class_binding (class_name) @name)) @definition.class
(method_definition (method_name) @name) @definition.method
(value_specification (value_name) @name) @definition.function
(external (value_name) @name) @definition.function
