(apply_expression function: (variable_expression name: (identifier) @reference.call))
