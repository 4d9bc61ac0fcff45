const a = require('a'), {b} = require('./b');
import d, { e as f } from 'd';
module.exports = { go: function(x) { return x; }, stop() {} };
exports.run = async (z) => { await z; };
class A extends B { #p = 1; x = 2; get v() { return this.#p; } static s() {} }
function* gen(n) { yield n; }
A.prototype.foo = function foo2() {};
export const K = 1, L = () => 1;
var handler = function (ev) { ev.stop(); };
