; C and what C++ and GLSL share with it. Patterns go from the general to the special: of several that
; match one name the last one wins.
;
; @declarator: the name is found by following the declarator inwards (declarator.c); a pattern for each
; depth of pointers, arrays and parentheses would take half a second to compile for C++.

(function_definition declarator: (_) @declarator) @definition.function

(struct_specifier name: (type_identifier) @name body: (_)) @definition.struct
(union_specifier name: (type_identifier) @name body: (_)) @definition.struct
(enum_specifier name: (type_identifier) @name body: (_)) @definition.enum
(enumerator name: (identifier) @name) @definition.constant
(type_definition declarator: (_) @declarator) @definition.type
(field_declaration declarator: (_) @declarator) @definition.field

(preproc_def name: (identifier) @name) @definition.macro
(preproc_function_def name: (identifier) @name) @definition.macro

; variables of the file, also inside #if and extern "C"
(translation_unit (declaration declarator: (_) @declarator) @definition.variable)
(preproc_if (declaration declarator: (_) @declarator) @definition.variable)
(preproc_ifdef (declaration declarator: (_) @declarator) @definition.variable)
(preproc_else (declaration declarator: (_) @declarator) @definition.variable)
(linkage_specification
  body: (declaration_list (declaration declarator: (_) @declarator) @definition.variable))
