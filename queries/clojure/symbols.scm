((list_lit . (sym_lit) @_def . (sym_lit) @name) @definition.variable
  (#any-of? @_def "def" "defonce" "defmulti"))
((list_lit . (sym_lit) @_def . (sym_lit) @name) @definition.function
  (#any-of? @_def "defn" "defn-" "deftest" "defmethod"))
((list_lit . (sym_lit) @_def . (sym_lit) @name) @definition.macro (#eq? @_def "defmacro"))
((list_lit . (sym_lit) @_def . (sym_lit) @name) @definition.interface (#eq? @_def "defprotocol"))
((list_lit . (sym_lit) @_def . (sym_lit) @name) @definition.class
  (#any-of? @_def "defrecord" "deftype"))
((list_lit . (sym_lit) @_def . (sym_lit) @name) @definition.module (#eq? @_def "ns"))
((list_lit . (sym_lit) @_def . (sym_lit) @name . (str_lit) @doc) @definition.function
  (#any-of? @_def "defn" "defn-"))
