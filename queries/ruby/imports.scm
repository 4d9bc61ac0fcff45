((call method: (identifier) @_require arguments: (argument_list . (string) @import.module)) @import
  (#any-of? @_require "require" "load" "autoload"))
((call
  method: (identifier) @_require
  arguments: (argument_list . (string) @import.module @import.relative)) @import
  (#eq? @_require "require_relative"))
