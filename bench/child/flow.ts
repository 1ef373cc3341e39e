// The child of the memory bench: streams bytes in and out again and says how large it became.
//   flow.ts STORE ROUNDS BYTES
import { randomBytes } from 'node:crypto';
import { type Bucket, open } from 'strongroom';
import { Bodies } from '../rig/bodies.ts';
import { readResident } from '../rig/resident.ts';
import { Streamed } from '../rig/streamed.ts';

const warmUp = 2 ** 26;

const [path = '', rounds, size] = process.argv.slice(2);
const bodies = new Bodies(2 ** 20);
let pieces = 0;

await using store = await open(path, { zones: 3, rootKey: randomBytes(32) });
const bucket = store.bucket('bench');
await flow(bucket, 'warm-up', warmUp);
report();
for (let round = 0; round < Number(rounds); round++) {
  await flow(bucket, `round-${round}`, Number(size));
  report();
}

/** In as a stream of unknown length, out as a stream, byte for byte the same; then removed. */
async function flow(bucket: Bucket, key: string, length: number): Promise<void> {
  const streamed = new Streamed(bodies, pieces, length);
  pieces += streamed.pieces;
  await bucket.put(key, streamed.body());
  const got = await bucket.get(key);
  if (got?.size !== length) throw new Error(`${key} has ${got?.size} bytes instead of ${length}`);
  for await (const part of got) streamed.check(part);
  streamed.checkEnd();
  await bucket.remove(key);
}

function report(): void {
  console.log(JSON.stringify(readResident()));
}
