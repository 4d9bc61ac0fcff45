(function_item name: (identifier) @name) @definition.function
(struct_item name: (type_identifier) @name) @definition.struct
(union_item name: (type_identifier) @name) @definition.struct
(enum_item name: (type_identifier) @name) @definition.enum
(enum_variant name: (identifier) @name) @definition.constant
(trait_item name: (type_identifier) @name) @definition.interface
(type_item name: (type_identifier) @name) @definition.type
(associated_type name: (type_identifier) @name) @definition.type
(mod_item name: (identifier) @name body: (_)) @definition.module
(const_item name: (identifier) @name) @definition.constant
(static_item name: (identifier) @name) @definition.variable
(macro_definition name: (identifier) @name) @definition.macro
(field_declaration name: (field_identifier) @name) @definition.field
(trait_item
  body: (declaration_list (function_item name: (identifier) @name) @definition.method))
(trait_item
  body: (declaration_list (function_signature_item name: (identifier) @name) @definition.method))
(impl_item
  type: [
    (type_identifier) @container
    (generic_type type: (type_identifier) @container)
    (scoped_type_identifier name: (type_identifier) @container)
    (reference_type type: (type_identifier) @container)
    (_)
  ]
  body: (declaration_list (function_item name: (identifier) @name) @definition.method))
(foreign_mod_item
  body: (declaration_list (function_signature_item name: (identifier) @name) @definition.function))
