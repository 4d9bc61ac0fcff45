(function_declaration name: (identifier) @name) @definition.function
(source_file (variable_declaration . (identifier) @name) @definition.variable)
(source_file (variable_declaration "const" . (identifier) @name) @definition.constant)
(variable_declaration (identifier) @name (struct_declaration)) @definition.struct
(variable_declaration (identifier) @name (enum_declaration)) @definition.enum
(variable_declaration (identifier) @name (union_declaration)) @definition.struct
(container_field name: (identifier) @name) @definition.field
(struct_declaration (function_declaration name: (identifier) @name) @definition.method)
