(import_clause moduleName: (upper_case_qid) @import.module) @import
(import_clause
  moduleName: (upper_case_qid) @import.module
  asClause: (as_clause name: (upper_case_identifier) @import.alias)) @import
