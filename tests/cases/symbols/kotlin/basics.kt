package com.acme
import a.b.C
import a.b.* 
import x.Y as Z

/** Doc. */
class Foo(val x: Int, private var y: String) : Base(x), Iface {
    companion object { const val MAX = 3 }
    fun bar(a: Int): String { val q = helper(a); return q.go() }
    private fun baz() = x
    enum class Color { RED, GREEN }
    constructor(z: Int) : this(z, "")
}
interface Iface { fun m() }
object Single { fun s() {} }
data class P(val a: Int)
typealias T = Map<String, Int>
fun String.ext(): Int = length
val top = 1
