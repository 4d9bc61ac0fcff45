module A
using B, C
import D: e
include("x.jl")
"Doc."
function f(x::Int)
    y = helper(x)
    return y
end
g(x) = x + 1
struct S
    a::Int
end
mutable struct M <: Base end
abstract type Abs end
macro m(x) end
const K = 1
end
