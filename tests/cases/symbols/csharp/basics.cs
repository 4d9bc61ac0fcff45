using System;
using System.Collections.Generic;
namespace Acme.App {
  /// <summary>Doc</summary>
  public class Foo : Base, IBar<int> {
    private int _x;
    public string Name { get; set; }
    public Foo(int x) { _x = x; }
    public async Task<int> Run(List<string> a) { var y = Helper(a); return y.Count; }
    public static int operator +(Foo a, Foo b) => 1;
  }
  interface IBar<T> { void M(); }
  struct S {} enum E { A, B } delegate void D(int x);
  record R(int A);
}
