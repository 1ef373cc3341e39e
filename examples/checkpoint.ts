// A checkpoint proves later that nobody has set the store back: keep it where whoever can write to
// the zones cannot.
import { cp, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { open, StoreError } from 'strongroom';

const folder = await mkdtemp(join(tmpdir(), 'strongroom-'));
const data = join(folder, 'data');

/** Stores a text, and tells what to demand the next time. */
async function append(text: string, notBefore?: string): Promise<string> {
  const demanded = notBefore === undefined ? {} : { notBefore: JSON.parse(notBefore) };
  await using store = await open(data, { zones: 3, ...demanded });
  await store.bucket('journal').put(text, text);
  return JSON.stringify(await store.checkpoint());
}

try {
  const first = await append('one');
  await cp(data, join(folder, 'copy'), { recursive: true });
  const second = await append('two', first);

  // Somebody puts an older copy of all zones in their place.
  await rm(data, { recursive: true });
  await cp(join(folder, 'copy'), data, { recursive: true });
  await append('three', second);
} catch (error) {
  console.log(StoreError.is(error) ? error.code : error); // STORE_ROLLED_BACK
} finally {
  await rm(folder, { recursive: true });
}
