(method) @scope
(singleton_method) @scope
(block) @scope
(do_block) @scope
(lambda) @scope
(method_parameters (identifier) @local)
(method_parameters (optional_parameter name: (identifier) @local))
(method_parameters (keyword_parameter name: (identifier) @local))
(method_parameters (splat_parameter name: (identifier) @local))
(method_parameters (hash_splat_parameter name: (identifier) @local))
(method_parameters (block_parameter name: (identifier) @local))
(block_parameters (identifier) @local)
(lambda_parameters (identifier) @local)
(assignment left: (identifier) @local)
(left_assignment_list (identifier) @local)
(exception_variable (identifier) @local)
