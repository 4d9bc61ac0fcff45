; JavaScript; TypeScript and TSX build on it.
(function_declaration name: (identifier) @name) @definition.function
(generator_function_declaration name: (identifier) @name) @definition.function
(class_declaration name: (_) @name) @definition.class
(method_definition name: (_) @name) @definition.method

; const f = () => ..., const f = function ...
(program
  (lexical_declaration (variable_declarator name: (identifier) @name) @definition.variable))
(program
  (variable_declaration (variable_declarator name: (identifier) @name) @definition.variable))
(program
  (export_statement
    (lexical_declaration (variable_declarator name: (identifier) @name)) @definition.variable))
(program
  (export_statement
    (variable_declaration (variable_declarator name: (identifier) @name)) @definition.variable))
(variable_declarator
  name: (identifier) @name
  value: [
    (arrow_function body: (_) @body)
    (function_expression body: (_) @body)
    (generator_function body: (_) @body)
  ]) @definition.function
(variable_declarator name: (identifier) @name value: (class body: (_) @body)) @definition.class
(assignment_expression
  left: (member_expression object: (_) @container property: (property_identifier) @name)
  right: [
    (arrow_function body: (_) @body)
    (function_expression body: (_) @body)
    (generator_function body: (_) @body)
  ]) @definition.method
(pair
  key: (property_identifier) @name
  value: [
    (arrow_function body: (_) @body)
    (function_expression body: (_) @body)
    (generator_function body: (_) @body)
  ]) @definition.method

; named expressions: `return function loop() {...}`, `class Base extends X {}` as a value
(function_expression name: (identifier) @name) @definition.function
(generator_function name: (identifier) @name) @definition.function
(class name: (_) @name) @definition.class
