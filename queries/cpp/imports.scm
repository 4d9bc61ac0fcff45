(using_declaration (qualified_identifier) @import.module) @import
