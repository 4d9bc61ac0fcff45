(import_declaration name: (_) @import.module) @import
