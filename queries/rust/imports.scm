(use_declaration argument: (_) @import.tree) @import
(extern_crate_declaration name: (identifier) @import.module) @import
(mod_item name: (identifier) @import.module @import.relative !body) @import
