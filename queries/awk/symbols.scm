(func_def name: (identifier) @name) @definition.function
