// CRC64/XZ against its check value and against the definition, bit by bit.
import { randomBytes } from 'node:crypto';
import test from 'ava';
import { Crc64, combineCrc64, crc64 } from '../lib/crc64.ts';

/** The definition: one bit at a time. */
function slow(bytes: Uint8Array): string {
  let crc = 0xffffffffffffffffn;
  for (const byte of bytes) {
    crc ^= BigInt(byte);
    for (let bit = 0; bit < 8; bit++)
      crc = crc & 1n ? (crc >> 1n) ^ 0xc96c5795d7870f42n : crc >> 1n;
  }
  return (crc ^ 0xffffffffffffffffn).toString();
}

test('check value', (t) => {
  t.is(crc64(Buffer.from('123456789')), '11051210869376104954');
  t.is(crc64(Buffer.of()), '0');
});

test('agrees with the definition, whole and in parts', (t) => {
  for (let size = 0; size < 70; size++) {
    const bytes = randomBytes(size);
    const parts = new Crc64();
    parts.update(bytes.subarray(0, size / 3));
    parts.update(bytes.subarray(size / 3));
    t.is(crc64(bytes), slow(bytes));
    t.is(parts.value, slow(bytes));
  }
});

test('joins two checksums as if the bytes had been joined', (t) => {
  for (const [first, second] of [
    [0, 0],
    [0, 5],
    [5, 0],
    [1, 1],
    [9, 70_000],
    [70_000, 9],
    [3, 2 ** 20 + 3],
  ] as const) {
    const [a, b] = [randomBytes(first), randomBytes(second)];
    t.is(combineCrc64(crc64(a), crc64(b), second), crc64(Buffer.concat([a, b])));
  }
  // Sizes that no test could hold: n zeros behind a text are n zero bytes, however they are cut.
  const text = crc64(Buffer.from('text'));
  let doubled = crc64(Buffer.alloc(4096));
  let size = 4096;
  for (let i = 0; i < 30; i++) {
    doubled = combineCrc64(doubled, doubled, size);
    size *= 2;
  }
  const halves = combineCrc64(text, doubled, size);
  t.is(
    combineCrc64(halves, doubled, size),
    combineCrc64(text, combineCrc64(doubled, doubled, size), 2 * size),
  );
});
