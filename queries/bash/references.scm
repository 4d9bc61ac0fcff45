(command name: (command_name (word) @reference.call))
(variable_assignment name: (variable_name) @reference.write)
