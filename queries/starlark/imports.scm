((call
  function: (identifier) @_load
  arguments: (argument_list . (string) @import.module (string (string_content) @import.name))) @import
  (#eq? @_load "load"))
