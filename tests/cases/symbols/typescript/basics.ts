import fs from 'fs';
import { a, b as c } from "./util";
import * as path from 'path';
export interface Shape<T> extends Base { area(): number; name: string; }
export type Id = string | number;
export enum Color { Red, Green = 2 }
/** A circle. */
export class Circle extends Round implements Shape<number> {
  private r = 1;
  constructor(r: number) { super(); this.r = r; }
  area(): number { return Math.PI * this.r ** 2; }
  static make = (x: number) => new Circle(x);
}
export const add = (x: number, y: number): number => { return x + y; };
function plain() { const z = add(1, 2); console.log(z); }
export default plain;
namespace N { export const q = 1; }
const require1 = require('zz');
export abstract class Abs { abstract foo(): void; }
declare function decl(a: string): void;
