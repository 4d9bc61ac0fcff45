(package_declaration name: (_) @name) @definition.module
(package_body name: (_) @name) @definition.module
(function_specification name: (_) @name) @definition.function
(procedure_specification name: (_) @name) @definition.function
(full_type_declaration (identifier) @name) @definition.type
(component_declaration . (identifier) @name) @definition.field
