// The erasure code (docs/format/erasure.md): a lost cell from any k others of its stripe. Bytes are
// elements of GF(2^8) modulo 11d; 02 generates them all.
import { demand } from './bytes.ts';

const log = new Uint8Array(256);
const exp = new Uint8Array(510);
for (let i = 0, power = 1; i < 255; i++) {
  exp[i] = power;
  exp[i + 255] = power;
  log[power] = i;
  power = (power << 1) ^ (power & 0x80 ? 0x11d : 0);
}

export function multiply(a: number, b: number): number {
  if (a === 0 || b === 0) return 0;
  return exp[(log[a] as number) + (log[b] as number)] as number;
}

function divide(a: number, b: number): number {
  if (a === 0) return 0;
  return exp[(log[a] as number) + 255 - (log[b] as number)] as number;
}

/** What data cell `column` counts in parity cell k + `row`. */
export function coefficient(k: number, row: number, column: number): number {
  const cauchy = (r: number, c: number): number => divide(1, (k + r) ^ c);
  const scaled = multiply(divide(cauchy(row, column), cauchy(0, column)), cauchy(0, 0));
  return divide(scaled, cauchy(row, 0));
}

/** Of cell `cell` of the stripe: what each data cell counts in it. */
function rowOf(k: number, cell: number): Uint8Array {
  return Uint8Array.from({ length: k }, (_, column) =>
    cell < k ? Number(cell === column) : coefficient(k, cell - k, column),
  );
}

/** The inverse of the rows of k cells, by Gauss and Jordan. Any k are independent. */
function invert(rows: readonly Uint8Array[]): Uint8Array[] {
  const k = rows.length;
  const work = rows.map((row, i) => {
    const wide = new Uint8Array(2 * k);
    wide.set(row);
    wide[k + i] = 1;
    return wide;
  });
  for (let column = 0; column < k; column++) {
    const pivot = work.findIndex((row, i) => i >= column && row[column] !== 0);
    demand(pivot >= 0, 'erasure: dependent cells');
    const [own] = work.splice(pivot, 1) as [(typeof work)[0]];
    work.splice(column, 0, own);
    const scale = own[column] as number;
    for (let i = 0; i < 2 * k; i++) own[i] = divide(own[i] as number, scale);
    for (const [other, row] of work.entries()) {
      const factor = row[column] as number;
      if (other === column || factor === 0) continue;
      for (let i = 0; i < 2 * k; i++)
        row[i] = (row[i] as number) ^ multiply(factor, own[i] as number);
    }
  }
  return work.map((row) => row.subarray(k));
}

/** Data cell `wanted` from k cells of the stripe, by number, all of one length. */
export function rebuild(k: number, cells: ReadonlyMap<number, Buffer>, wanted: number): Buffer {
  const numbers = [...cells.keys()];
  demand(numbers.length === k, 'erasure: it takes k cells');
  const weights = invert(numbers.map((cell) => rowOf(k, cell)))[wanted] as Uint8Array;
  const out = Buffer.alloc((cells.get(numbers[0] as number) as Buffer).length);
  for (const [i, cell] of numbers.entries()) {
    const weight = weights[i] as number;
    if (weight === 0) continue;
    const table = Uint8Array.from({ length: 256 }, (_, byte) => multiply(weight, byte));
    const bytes = cells.get(cell) as Buffer;
    for (let at = 0; at < out.length; at++)
      out[at] = (out[at] as number) ^ (table[bytes[at] as number] as number);
  }
  return out;
}
