(func_def) @scope
(param_list (identifier) @local)
