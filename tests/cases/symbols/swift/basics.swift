import Foundation
/// Doc.
public class Foo: Base, P {
    var x: Int = 1
    let y = 2
    init(a: Int) { self.x = a }
    func bar(_ q: Int) -> String { let z = helper(q); return z.go() }
    static func s() {}
    enum Color { case red, green }
}
struct S { var a: Int }
protocol P { func m() }
extension Foo { func e() {} }
func top() {}
typealias T = Int
let g = 1
