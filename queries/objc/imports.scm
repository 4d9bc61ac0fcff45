(preproc_include path: (system_lib_string) @import.module) @import
(preproc_include path: (string_literal) @import.module @import.relative) @import
