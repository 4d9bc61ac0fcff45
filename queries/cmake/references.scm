(normal_command (identifier) @reference.call)
(normal_var (variable) @reference.read)
