(procedure) @scope
(block) @scope
(parameter . (identifier) @local)
