(subprogram_body) @scope
(parameter_specification . (identifier) @local)
