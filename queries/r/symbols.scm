(program (binary_operator lhs: (identifier) @name ["<-" "=" "<<-"]) @definition.variable)
(binary_operator
  lhs: (identifier) @name ["<-" "=" "<<-"] rhs: (function_definition body: (_) @body)) @definition.function
((call function: (identifier) @_class arguments: (arguments . (argument value: (string (string_content) @name)))) @definition.class
  (#any-of? @_class "setClass" "setRefClass" "R6Class"))
