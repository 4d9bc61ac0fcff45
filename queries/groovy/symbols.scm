(package_declaration name: (_) @name) @definition.module
(class_declaration name: (identifier) @name) @definition.class
(interface_declaration name: (identifier) @name) @definition.interface
(enum_declaration name: (identifier) @name) @definition.enum
(method_declaration name: (identifier) @name) @definition.function
(class_body (method_declaration name: (identifier) @name) @definition.method)
(field_declaration (variable_declarator name: (identifier) @name)) @definition.field
