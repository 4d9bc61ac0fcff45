(import_statement (string_value) @import.module @import.relative) @import
