(section text: (curly_group (text) @name)) @definition.other
(subsection text: (curly_group (text) @name)) @definition.other
(chapter text: (curly_group (text) @name)) @definition.other
(new_command_definition
  declaration: (curly_group_command_name command: (command_name) @name)) @definition.macro
(label_definition name: (curly_group_label label: (label) @name)) @definition.constant
