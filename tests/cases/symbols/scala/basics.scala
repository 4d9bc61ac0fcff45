package a.b
import a.b.{C, D => E}
import x.y._
/** Doc. */
class Foo(val x: Int) extends Base with T {
  val a = 1
  var b: Int = 2
  def bar(q: Int): String = { val z = helper(q); z.go() }
  type M = Int
}
object Foo { def apply() = new Foo(1) }
trait T { def m(): Unit }
case class P(a: Int)
enum Color { case Red, Green }
