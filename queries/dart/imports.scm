(library_import (import_specification (configurable_uri (uri) @import.module))) @import
(library_import
  (import_specification
    (configurable_uri (uri) @import.module) (identifier) @import.alias)) @import
(library_export (configurable_uri (uri) @import.module)) @import
