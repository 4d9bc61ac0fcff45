(import_statement . source: (string) @import.module) @import
(import_statement
  (import_clause (identifier) @import.alias) source: (string) @import.module) @import
(import_statement
  (import_clause (namespace_import "*" @import.name (identifier) @import.alias))
  source: (string) @import.module) @import
(import_statement
  (import_clause (named_imports (import_specifier name: (_) @import.name !alias)))
  source: (string) @import.module) @import
(import_statement
  (import_clause
    (named_imports (import_specifier name: (_) @import.name alias: (_) @import.alias)))
  source: (string) @import.module) @import
(export_statement source: (string) @import.module) @import
((call_expression
  function: (identifier) @_require
  arguments: (arguments . (string) @import.module .)) @import
  (#eq? @_require "require"))
(call_expression
  function: (import) arguments: (arguments . (string) @import.module)) @import
