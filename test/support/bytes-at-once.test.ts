// Equal bytes pass in no time, whatever their number; different ones, and other types, do not.
import type { ExecutionContext } from 'ava';
import test from 'ava';

async function areDeeplyEqual(t: ExecutionContext, a: unknown, b: unknown): Promise<boolean> {
  const attempt = await t.try((tried) => tried.deepEqual(a, b));
  attempt.discard();
  return attempt.passed;
}

test('equal arrays of 256 MiB are equal', (t) => {
  t.deepEqual(Buffer.alloc(1 << 28, 7), Buffer.alloc(1 << 28, 7));
});

test('one byte more, less or other makes a difference', async (t) => {
  for (const other of [
    [1, 2],
    [1, 2, 3, 4],
    [1, 2, 4],
  ]) {
    t.false(await areDeeplyEqual(t, Uint8Array.of(1, 2, 3), Uint8Array.from(other)));
  }
});

test('a Buffer is no plain array', async (t) => {
  t.false(await areDeeplyEqual(t, Buffer.of(1), Uint8Array.of(1)));
});
