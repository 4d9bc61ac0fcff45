(import_declaration (scoped_identifier) @import.module .) @import
(import_declaration (identifier) @import.module .) @import
(import_declaration (scoped_identifier) @import.module (asterisk) @import.name) @import
