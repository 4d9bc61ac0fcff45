open A.B
(** Doc. *)
let f x = g x
let rec h y = y
type t = A | B of int
type r = { a : int }
module M = struct let z = 1 end
module type S = sig val q : int end
exception E
class c = object method m = 1 end
external ext : int -> int = "e"
