package com.acme.app;
import java.util.List;
import java.io.*;
import static a.b.C.d;
/** Doc. */
@Deprecated
public class A extends Base implements Runnable, Comparable<A> {
    private final int x = 1;
    public A(int x) { this.x = x; }
    @Override
    public void run() { List<String> l = new ArrayList<>(); l.add(foo(x)); }
    protected static String foo(int y) { return "a" + y; }
    enum Color { RED, GREEN }
    interface I { void m(); }
    record P(int a) {}
    @interface Ann { String v(); }
}
