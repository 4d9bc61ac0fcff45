((call function: (identifier) @_library arguments: (arguments . (argument value: (_) @import.module))) @import
  (#any-of? @_library "library" "require" "requireNamespace"))
((call function: (identifier) @_source arguments: (arguments . (argument value: (string) @import.module @import.relative))) @import
  (#eq? @_source "source"))
