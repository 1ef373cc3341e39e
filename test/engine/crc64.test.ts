// CRC64/XZ against its check value and against the definition, bit by bit.
import { randomBytes } from 'node:crypto';
import test from 'ava';
import { Crc64, crc64 } from '../../lib/engine/crc64.ts';

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
