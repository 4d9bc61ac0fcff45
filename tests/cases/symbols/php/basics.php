<?php
namespace App\Models;
use App\Base\{Model, Other as O};
use Foo\Bar;
require_once 'x.php';
/** Doc. */
final class User extends Model implements Countable {
  use HasName;
  const MAX = 3;
  private ?string $name = null;
  public function __construct(private int $id) { $this->name = strtoupper('x'); }
  public static function make(): self { $a = new Bar(1); return $a->go(); }
}
interface I { public function m(); }
trait T {}
enum Suit: string { case Hearts = 'h'; }
function top($x) { return $x; }
