Import-Module X
. ./lib.ps1
# Doc.
function Get-Foo($a) { $z = Helper $a; return $z }
class Foo : Base { [int]$x; [int] Bar([int]$q) { return $q } }
enum Color { Red; Green }
$g = 1
