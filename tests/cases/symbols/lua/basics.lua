local m = require("a.b")
-- Doc.
local function f(a) local z = helper(a); return z:go() end
function M.g(x) return x end
function M:h() end
local k = function() end
M.n = function() end
T = 1
