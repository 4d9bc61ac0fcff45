((attribute
  (identifier) @_source
  (expression (literal_value (string_lit (template_literal) @import.module)))) @import
  (#eq? @_source "source"))
