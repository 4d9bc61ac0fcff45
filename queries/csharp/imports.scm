(using_directive (qualified_name) @import.module) @import
(using_directive (identifier) @import.module .) @import
