((list_lit
  . (kwd_lit) @_require (vec_lit . (sym_lit) @import.module) @import)
  (#any-of? @_require ":require" ":use"))
