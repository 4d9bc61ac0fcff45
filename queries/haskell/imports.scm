(import module: (module) @import.module) @import
(import module: (module) @import.module alias: (module) @import.alias) @import
