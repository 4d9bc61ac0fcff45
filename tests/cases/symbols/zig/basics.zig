const std = @import("std");
const x = @import("x.zig");
/// Doc.
pub const Foo = struct {
    a: u32,
    pub fn bar(self: *Foo, q: u8) u8 { const z = helper(q); return z; }
};
const E = enum { a, b };
const U = union { a: u8 };
pub fn top() void { x.go(); }
test "t" {}
var g: u8 = 1;
