(import_declaration (string) @import.module) @import
(import_declaration alias: (identifier) @import.alias (string) @import.module) @import
