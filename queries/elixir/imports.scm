((call target: (identifier) @_import (arguments . (alias) @import.module)) @import
  (#any-of? @_import "alias" "import" "use" "require"))
