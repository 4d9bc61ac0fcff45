(create_table (object_reference name: (identifier) @name)) @definition.class
(create_view . (keyword_create) (object_reference name: (identifier) @name)) @definition.class
(create_materialized_view (object_reference name: (identifier) @name)) @definition.class
(create_function (object_reference name: (identifier) @name)) @definition.function
(create_type (object_reference name: (identifier) @name)) @definition.type
(create_index column: (identifier) @name) @definition.other
(create_trigger . (keyword_create) (object_reference name: (identifier) @name)) @definition.function
(column_definition name: (identifier) @name) @definition.field
(cte . (identifier) @name) @definition.other
