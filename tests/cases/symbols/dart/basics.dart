import 'dart:io';
import 'a.dart' as b;
/// Doc.
class Foo extends Base implements I {
  final int x = 1;
  Foo(this.x);
  Foo.named();
  int bar(int a) { var z = helper(a); return z.go(); }
  int get v => x;
  static void s() {}
}
mixin M {}
enum Color { red, green }
typedef T = int Function(int);
extension E on Foo { void e() {} }
int top(int a) => a;
var g = 1;
