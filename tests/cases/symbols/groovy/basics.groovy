package a
import a.b.C
/** Doc. */
class Foo extends Base implements I {
  int x = 1
  def bar(int a) { def z = helper(a); return z.go() }
}
interface I { void m() }
def top(a) { return a }
