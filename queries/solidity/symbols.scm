(contract_declaration name: (identifier) @name) @definition.class
(interface_declaration name: (identifier) @name) @definition.interface
(library_declaration name: (identifier) @name) @definition.module
(struct_declaration name: (identifier) @name) @definition.struct
(struct_member name: (identifier) @name) @definition.field
(enum_declaration name: (identifier) @name) @definition.enum
(event_definition name: (identifier) @name) @definition.other
(error_declaration name: (identifier) @name) @definition.other
(modifier_definition name: (identifier) @name) @definition.method
(function_definition name: (identifier) @name) @definition.function
(contract_body (function_definition name: (identifier) @name) @definition.method)
(constructor_definition "constructor" @name) @definition.method
(state_variable_declaration name: (identifier) @name) @definition.field
