@include "x"
# Doc.
function f(a) { return g(a) }
BEGIN { x = f(1) }
