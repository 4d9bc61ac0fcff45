(directive (string) @import.module) @import
