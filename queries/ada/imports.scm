(with_clause (_) @import.module) @import
