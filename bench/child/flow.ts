// The child of the memory bench: streams bytes in and out again and says how large it became.
//   flow.ts STORE ROUNDS BYTES
import { randomBytes } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { type Bucket, open } from 'strongroom';
import type { Reading } from '../memory.ts';
import { Bodies } from '../rig/bodies.ts';

const pieceSize = 2 ** 20;
const warmUp = 2 ** 26;

const [path = '', rounds, size] = process.argv.slice(2);
const bodies = new Bodies(pieceSize);
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
  const first = pieces;
  await bucket.put(key, body(length));
  const got = await bucket.get(key);
  if (got?.size !== length) throw new Error(`${key} has ${got?.size} bytes instead of ${length}`);
  let at = 0;
  for await (const part of got) {
    check(first, at, part);
    at += part.length;
  }
  if (at !== length) throw new Error(`${key} is cut at ${at}`);
  await bucket.remove(key);
}

async function* body(length: number): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < length; at += pieceSize) yield bodies.body(pieces++);
}

/** A part may begin and end anywhere. */
function check(first: number, at: number, part: Uint8Array): void {
  for (let done = 0; done < part.length; ) {
    const from = (at + done) % pieceSize;
    const piece = bodies.body(first + Math.floor((at + done) / pieceSize));
    const length = Math.min(part.length - done, pieceSize - from);
    const same = Buffer.compare(
      piece.subarray(from, from + length),
      part.subarray(done, done + length),
    );
    if (same !== 0) throw new Error(`other bytes behind ${at + done}`);
    done += length;
  }
}

function report(): void {
  const reading: Reading = { rss: fromStatus('VmRSS'), peak: fromStatus('VmHWM') };
  console.log(JSON.stringify(reading));
  // Begins a new high-water mark (proc(5)), so that each round has a peak of its own.
  writeFileSync('/proc/self/clear_refs', '5');
}

/** MiB. Linux only: elsewhere nobody keeps a high-water mark that can be begun anew. */
function fromStatus(name: string): number {
  const status = readFileSync('/proc/self/status', 'utf8');
  const [, kib] = new RegExp(`^${name}:\\s*(\\d+) kB$`, 'm').exec(status) ?? [];
  return Math.round(Number(kib) / 102.4) / 10;
}
