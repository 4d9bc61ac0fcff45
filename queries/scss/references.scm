(include_statement (identifier) @reference.call)
