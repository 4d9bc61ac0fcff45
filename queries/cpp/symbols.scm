; C++ beyond C.
(class_specifier name: (type_identifier) @name body: (_)) @definition.class
(class_specifier name: (template_type name: (type_identifier) @name) body: (_)) @definition.class
(struct_specifier name: (template_type name: (type_identifier) @name) body: (_)) @definition.struct
(class_specifier
  name: (qualified_identifier scope: (_) @container name: (type_identifier) @name)
  body: (_)) @definition.class
(struct_specifier
  name: (qualified_identifier scope: (_) @container name: (type_identifier) @name)
  body: (_)) @definition.struct
(namespace_definition name: (namespace_identifier) @name) @definition.module
(namespace_definition name: (nested_namespace_specifier) @name) @definition.module
(alias_declaration name: (type_identifier) @name) @definition.type
(concept_definition name: (identifier) @name) @definition.type

; functions that return references
(function_definition
  declarator: (reference_declarator
    (function_declarator declarator: (identifier) @name))) @definition.function
(function_definition
  declarator: (pointer_declarator
    declarator: (reference_declarator
      (function_declarator declarator: (identifier) @name)))) @definition.function
(function_definition
  declarator: (function_declarator declarator: (operator_name) @name)) @definition.function
(function_definition
  declarator: (reference_declarator
    (function_declarator declarator: (operator_name) @name))) @definition.function
(function_definition declarator: (operator_cast) @name) @definition.method
; a specialisation
(function_definition
  declarator: (function_declarator
    declarator: (template_function name: (identifier) @name))) @definition.function

; methods inside the class
(function_definition
  declarator: (function_declarator declarator: (field_identifier) @name)) @definition.method
(function_definition
  declarator: (pointer_declarator
    declarator: (function_declarator declarator: (field_identifier) @name))) @definition.method
(function_definition
  declarator: (pointer_declarator
    declarator: (pointer_declarator
      declarator: (function_declarator declarator: (field_identifier) @name)))) @definition.method
(function_definition
  declarator: (reference_declarator
    (function_declarator declarator: (field_identifier) @name))) @definition.method
(function_definition
  declarator: (function_declarator declarator: (destructor_name) @name)) @definition.method
(field_declaration_list
  (function_definition
    declarator: (function_declarator declarator: (operator_name) @name)) @definition.method)
(field_declaration_list
  (function_definition
    declarator: (reference_declarator
      (function_declarator declarator: (operator_name) @name))) @definition.method)
(field_declaration_list
  (function_definition
    declarator: (function_declarator declarator: (identifier) @name)) @definition.method)
(field_declaration_list
  (template_declaration
    (function_definition
      declarator: (function_declarator declarator: (identifier) @name)) @definition.method))

; methods declared in the class, defined elsewhere
(field_declaration
  declarator: (function_declarator declarator: (field_identifier) @name)) @definition.method
(field_declaration
  declarator: (pointer_declarator
    declarator: (function_declarator declarator: (field_identifier) @name))) @definition.method
(field_declaration
  declarator: (reference_declarator
    (function_declarator declarator: (field_identifier) @name))) @definition.method
(field_declaration_list
  (declaration
    declarator: (function_declarator declarator: (identifier) @name)) @definition.method)
(field_declaration declarator: (reference_declarator (field_identifier) @name)) @definition.field

; methods defined outside: Foo::bar, ns::Foo::bar, Foo<T>::bar
(function_definition
  declarator: (function_declarator declarator: (qualified_identifier scope: [(namespace_identifier) @container (template_type name: (type_identifier) @container)] name: [(identifier) (destructor_name) (operator_name)] @name))) @definition.method
(function_definition
  declarator: (pointer_declarator declarator: (function_declarator declarator: (qualified_identifier scope: [(namespace_identifier) @container (template_type name: (type_identifier) @container)] name: [(identifier) (destructor_name) (operator_name)] @name)))) @definition.method
(function_definition
  declarator: (pointer_declarator declarator: (pointer_declarator declarator: (function_declarator declarator: (qualified_identifier scope: [(namespace_identifier) @container (template_type name: (type_identifier) @container)] name: [(identifier) (destructor_name) (operator_name)] @name))))) @definition.method
(function_definition
  declarator: (reference_declarator (function_declarator declarator: (qualified_identifier scope: [(namespace_identifier) @container (template_type name: (type_identifier) @container)] name: [(identifier) (destructor_name) (operator_name)] @name)))) @definition.method
(function_definition
  declarator: (function_declarator declarator: (qualified_identifier name: (qualified_identifier scope: [(namespace_identifier) @container (template_type name: (type_identifier) @container)] name: [(identifier) (destructor_name) (operator_name)] @name)))) @definition.method
(function_definition
  declarator: (pointer_declarator declarator: (function_declarator declarator: (qualified_identifier name: (qualified_identifier scope: [(namespace_identifier) @container (template_type name: (type_identifier) @container)] name: [(identifier) (destructor_name) (operator_name)] @name))))) @definition.method
(function_definition
  declarator: (pointer_declarator declarator: (pointer_declarator declarator: (function_declarator declarator: (qualified_identifier name: (qualified_identifier scope: [(namespace_identifier) @container (template_type name: (type_identifier) @container)] name: [(identifier) (destructor_name) (operator_name)] @name)))))) @definition.method
(function_definition
  declarator: (reference_declarator (function_declarator declarator: (qualified_identifier name: (qualified_identifier scope: [(namespace_identifier) @container (template_type name: (type_identifier) @container)] name: [(identifier) (destructor_name) (operator_name)] @name))))) @definition.method
(function_definition
  declarator: (function_declarator declarator: (qualified_identifier name: (qualified_identifier name: (qualified_identifier scope: [(namespace_identifier) @container (template_type name: (type_identifier) @container)] name: [(identifier) (destructor_name) (operator_name)] @name))))) @definition.method
(function_definition
  declarator: (pointer_declarator declarator: (function_declarator declarator: (qualified_identifier name: (qualified_identifier name: (qualified_identifier scope: [(namespace_identifier) @container (template_type name: (type_identifier) @container)] name: [(identifier) (destructor_name) (operator_name)] @name)))))) @definition.method
(function_definition
  declarator: (pointer_declarator declarator: (pointer_declarator declarator: (function_declarator declarator: (qualified_identifier name: (qualified_identifier name: (qualified_identifier scope: [(namespace_identifier) @container (template_type name: (type_identifier) @container)] name: [(identifier) (destructor_name) (operator_name)] @name))))))) @definition.method
(function_definition
  declarator: (reference_declarator (function_declarator declarator: (qualified_identifier name: (qualified_identifier name: (qualified_identifier scope: [(namespace_identifier) @container (template_type name: (type_identifier) @container)] name: [(identifier) (destructor_name) (operator_name)] @name)))))) @definition.method
(function_definition
  declarator: (function_declarator declarator: (qualified_identifier name: (qualified_identifier name: (qualified_identifier name: (qualified_identifier scope: [(namespace_identifier) @container (template_type name: (type_identifier) @container)] name: [(identifier) (destructor_name) (operator_name)] @name)))))) @definition.method
(function_definition
  declarator: (pointer_declarator declarator: (function_declarator declarator: (qualified_identifier name: (qualified_identifier name: (qualified_identifier name: (qualified_identifier scope: [(namespace_identifier) @container (template_type name: (type_identifier) @container)] name: [(identifier) (destructor_name) (operator_name)] @name))))))) @definition.method
(function_definition
  declarator: (pointer_declarator declarator: (pointer_declarator declarator: (function_declarator declarator: (qualified_identifier name: (qualified_identifier name: (qualified_identifier name: (qualified_identifier scope: [(namespace_identifier) @container (template_type name: (type_identifier) @container)] name: [(identifier) (destructor_name) (operator_name)] @name)))))))) @definition.method
(function_definition
  declarator: (reference_declarator (function_declarator declarator: (qualified_identifier name: (qualified_identifier name: (qualified_identifier name: (qualified_identifier scope: [(namespace_identifier) @container (template_type name: (type_identifier) @container)] name: [(identifier) (destructor_name) (operator_name)] @name))))))) @definition.method
(function_definition
  declarator: (qualified_identifier
    scope: [(namespace_identifier) @container (template_type name: (type_identifier) @container)]
    name: (operator_cast) @name)) @definition.method
