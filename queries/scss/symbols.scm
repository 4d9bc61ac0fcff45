(class_selector (class_name) @name @definition.class)
(id_selector (id_name) @name @definition.constant)
(keyframes_statement (keyframes_name) @name) @definition.function
(mixin_statement name: (identifier) @name) @definition.macro
(function_statement name: (identifier) @name) @definition.function
