(binding attrpath: (attrpath attr: (identifier) @name .)) @definition.variable
(binding
  attrpath: (attrpath attr: (identifier) @name .)
  expression: (function_expression)) @definition.function
