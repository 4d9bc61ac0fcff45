(class_declaration name: (identifier) @name) @definition.class
(class_declaration name: (identifier) @name (enum_class_body)) @definition.enum
(class_declaration "interface" name: (identifier) @name) @definition.interface
(enum_entry (identifier) @name) @definition.constant
(object_declaration name: (identifier) @name) @definition.class
(type_alias type: (identifier) @name) @definition.type
(function_declaration name: (identifier) @name) @definition.function
(function_declaration name: (identifier) @name (function_body) @body) @definition.function
(class_body (function_declaration name: (identifier) @name) @definition.method)
(class_body (function_declaration name: (identifier) @name (function_body) @body) @definition.method)
(source_file (property_declaration (variable_declaration (identifier) @name)) @definition.variable)
(class_body (property_declaration (variable_declaration (identifier) @name)) @definition.field)
(class_parameter (identifier) @name) @definition.field
(package_header (qualified_identifier) @name) @definition.module
