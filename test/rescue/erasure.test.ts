// The second implementation of the erasure code: the worked example of docs/format/erasure.md, and
// random stripes against the definition.
import { randomBytes, randomInt } from 'node:crypto';
import test from 'ava';
import { coefficient, multiply, rebuild } from '../../lib/rescue/erasure.ts';

const hex = (text: string): Buffer => Buffer.from(text.replaceAll(' ', ''), 'hex');

test('the field and the matrix are those of the page', (t) => {
  t.deepEqual([multiply(0x80, 2), multiply(0x53, 2), multiply(0xd9, 2)], [0x1d, 0xa6, 0xaf]);
  const row = (k: number, r: number): number[] =>
    Array.from({ length: k }, (_, column) => coefficient(k, r, column));
  t.deepEqual(row(4, 0), [1, 1, 1, 1]);
  t.deepEqual(Buffer.from(row(4, 1)), hex('01 d9 5c ac'));
  t.deepEqual(Buffer.from(row(8, 2)), hex('01 27 d9 a1 5c 3c ac 5a'));
});

test('the worked example: cells 1 and 2 are lost', (t) => {
  const cells = new Map([
    [0, hex('00 01 02 03')],
    [4, hex('bc ab d0 0d')],
    [5, hex('a8 81 f2 5e')],
    [3, hex('53 74 6f 72')],
  ]);
  t.deepEqual(rebuild(4, cells, 1), hex('10 20 40 80'));
  t.deepEqual(rebuild(4, cells, 2), hex('ff fe fd fc'));
  t.deepEqual(rebuild(4, cells, 3), hex('53 74 6f 72'));
});

test('any k cells give every data cell', (t) => {
  for (const [k, m] of [
    [1, 2],
    [2, 1],
    [3, 3],
    [4, 2],
    [8, 4],
    [20, 12],
  ] as const) {
    const data = Array.from({ length: k }, () => randomBytes(17));
    const parity = Array.from({ length: m }, (_, r) =>
      Buffer.from(
        data[0]?.map((_, at) =>
          data.reduce(
            (sum, cell, c) => sum ^ multiply(coefficient(k, r, c), cell[at] as number),
            0,
          ),
        ) as Buffer,
      ),
    );
    for (let round = 0; round < 20; round++) {
      const left = [...data, ...parity].map((cell, number) => [number, cell] as const);
      while (left.length > k) left.splice(randomInt(left.length), 1);
      for (const [wanted, cell] of data.entries())
        t.deepEqual(rebuild(k, new Map(left), wanted), cell, `${k}+${m}: ${[...left.keys()]}`);
    }
  }
});
