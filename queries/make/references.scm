(variable_reference (word) @reference.read)
(prerequisites (word) @reference.call)
