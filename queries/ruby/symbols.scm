(method name: (_) @name) @definition.method
(program (method name: (_) @name) @definition.function)
(singleton_method name: (_) @name) @definition.method
(class name: (constant) @name) @definition.class
(class name: (scope_resolution scope: (_) @container name: (constant) @name)) @definition.class
(module name: (constant) @name) @definition.module
(module name: (scope_resolution scope: (_) @container name: (constant) @name)) @definition.module
(assignment left: (constant) @name) @definition.constant
(alias name: (_) @name) @definition.method
((call
  method: (identifier) @_attribute
  arguments: (argument_list (simple_symbol) @name @definition.field))
  (#any-of? @_attribute "attr_accessor" "attr_reader" "attr_writer"))
