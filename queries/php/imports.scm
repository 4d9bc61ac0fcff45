(namespace_use_declaration (namespace_use_clause) @import.tree) @import
(namespace_use_declaration
  (namespace_name) @import.module
  body: (namespace_use_group (namespace_use_clause) @import.tree)) @import
(include_expression (string) @import.module) @import
(include_once_expression (string) @import.module) @import
(require_expression (string) @import.module) @import
(require_once_expression (string) @import.module) @import
