(function_definition name: (identifier) @name) @definition.function
(function_definition
  name: (identifier) @name
  body: (block . (expression_statement (string) @doc))) @definition.function
(module (expression_statement (assignment left: (identifier) @name) @definition.variable))
; a target: cc_library(name = "lib", ...)
((module
  (expression_statement
    (call
      arguments: (argument_list
        (keyword_argument
          name: (identifier) @_name value: (string (string_content) @name)))) @definition.module))
  (#eq? @_name "name"))
