((call target: (identifier) @_def (arguments . (alias) @name)) @definition.module
  (#any-of? @_def "defmodule" "defimpl"))
((call target: (identifier) @_def (arguments . (alias) @name)) @definition.interface
  (#eq? @_def "defprotocol"))
((call target: (identifier) @_def (arguments . (call target: (identifier) @name))) @definition.function
  (#any-of? @_def "def" "defp" "defdelegate" "defguard"))
((call target: (identifier) @_def (arguments . (identifier) @name)) @definition.function
  (#any-of? @_def "def" "defp" "defdelegate"))
((call
  target: (identifier) @_def
  (arguments . (binary_operator left: (call target: (identifier) @name)))) @definition.function
  (#any-of? @_def "def" "defp" "defguard"))
((call target: (identifier) @_def (arguments . (call target: (identifier) @name))) @definition.macro
  (#any-of? @_def "defmacro" "defmacrop"))
