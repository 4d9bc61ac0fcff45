(package_declaration (identifier) @name) @definition.module
(procedure_declaration . (identifier) @name) @definition.function
(struct_declaration . (identifier) @name) @definition.struct
(enum_declaration . (identifier) @name) @definition.enum
(const_declaration . (identifier) @name) @definition.constant
(source_file (var_declaration . (identifier) @name) @definition.variable)
(struct_declaration (field . (identifier) @name) @definition.field)
