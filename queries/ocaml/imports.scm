(open_module module: (_) @import.module) @import
