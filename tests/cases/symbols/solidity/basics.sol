pragma solidity ^0.8.0;
import "./x.sol";
import {A as B} from "y.sol";
/// Doc.
contract Foo is Base {
  uint public x;
  event E(uint a);
  struct S { uint a; }
  enum C { A, B }
  modifier m() { _; }
  constructor(uint a) { x = a; }
  function bar(uint q) public returns (uint) { return helper(q); }
}
interface I { function m() external; }
library L { function l() internal {} }
