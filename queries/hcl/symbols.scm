; the last label names the block: resource "aws_instance" "web"
(body (block (identifier) . (string_lit (template_literal) @name) . (block_start)) @definition.other)
(body
  (block
    (identifier) @_kind . (string_lit (template_literal) @container)
    . (string_lit (template_literal) @name) . (block_start)) @definition.other)
((block (identifier) @_kind . (string_lit (template_literal) @name) . (block_start)) @definition.variable
  (#any-of? @_kind "variable" "output"))
((block (identifier) @_kind . (string_lit (template_literal) @name) . (block_start)) @definition.module
  (#eq? @_kind "module"))
((block (identifier) @_kind . (block_start) (body (attribute . (identifier) @name) @definition.variable))
  (#eq? @_kind "locals"))
