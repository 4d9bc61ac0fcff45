; C++ beyond C.
(class_specifier name: (_) @declarator body: (_)) @definition.class
(struct_specifier name: (_) @declarator body: (_)) @definition.struct
(namespace_definition name: (_) @name) @definition.module
(namespace_definition body: (declaration_list (declaration declarator: (_) @declarator) @definition.variable))
(alias_declaration name: (type_identifier) @name) @definition.type
(concept_definition name: (identifier) @name) @definition.type
(field_declaration_list (function_definition declarator: (_) @declarator) @definition.method)
(field_declaration_list
  (template_declaration (function_definition declarator: (_) @declarator) @definition.method))
; constructors and operators are declared without being fields
(field_declaration_list (declaration declarator: (_) @declarator) @definition.field)
(field_declaration_list
  (template_declaration (declaration declarator: (_) @declarator) @definition.field))
