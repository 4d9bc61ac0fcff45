use std::{fs, io::{self, Read as R}};
use crate::util::helper;
mod sub;
/// A point.
#[derive(Debug)]
pub struct Point<T> { pub x: T, y: T }
impl<T> Point<T> {
    /// New.
    pub fn new(x: T, y: T) -> Self { helper(x); Point { x, y } }
}
impl fmt::Display for Point<i32> { fn fmt(&self) { let a = self.x; println!("{}", a); } }
pub trait Shape { fn area(&self) -> f64; fn d(&self) {} }
enum E { A, B(i32) }
const C: i32 = 1;
macro_rules! m { () => {} }
pub mod inner { pub fn f() {} }
