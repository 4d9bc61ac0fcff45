(latex_include path: (curly_group_path path: (path) @import.module @import.relative)) @import
