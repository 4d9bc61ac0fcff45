{ pkgs }:
let
  x = 1;
  f = a: a + x;
in {
  y = f 2;
  z = import ./x.nix;
}
