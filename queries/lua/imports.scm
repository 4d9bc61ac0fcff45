((function_call
  name: (identifier) @_require arguments: (arguments (string) @import.module)) @import
  (#any-of? @_require "require" "dofile"))
