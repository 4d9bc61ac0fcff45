/** A construct this grammar does not know, then what must still be found. */
export const dual: {
  <DataLast extends (...args: Array<any>) => any, DataFirst extends (...args: Array<any>) => any>(
    arity: Parameters<DataFirst>["length"],
    body: DataFirst
  ): DataLast & DataFirst
  <<<< ( ( (
} = function(a, b) { ((( { {{ <

/** Adds. */
export function add(a: number, b: number): number {
  return a + b;
}

export interface Shape<
  A
> {
  area(): A;
}

export class Circle {
  radius = 1;
}
