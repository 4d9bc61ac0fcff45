(defun (defun_header function_name: (sym_lit) @name)) @definition.function
(defun
  (defun_header keyword: (defun_keyword "defmacro") function_name: (sym_lit) @name)) @definition.macro
(defun
  (defun_header keyword: (defun_keyword "defmethod") function_name: (sym_lit) @name)) @definition.method
((list_lit . (sym_lit) @_def . (sym_lit) @name) @definition.variable
  (#any-of? @_def "defvar" "defparameter"))
((list_lit . (sym_lit) @_def . (sym_lit) @name) @definition.constant (#eq? @_def "defconstant"))
((list_lit . (sym_lit) @_def . (sym_lit) @name) @definition.class (#eq? @_def "defclass"))
((list_lit . (sym_lit) @_def . (sym_lit) @name) @definition.struct (#eq? @_def "defstruct"))
