// The child that is killed: puts small objects as fast as it can and says which ones were
// acknowledged, a line of JSON numbers at a time.
//   pour.ts STORE FIRST
import { open } from 'strongroom';
import { keepInFlight } from '../rig/flight.ts';
import { pouredBody, pouredKey } from '../rig/poured.ts';
import { bucketName } from '../rig/preloaded.ts';

const [path = '', first] = process.argv.slice(2);
const store = await open(path, { zones: 3, create: false });
const bucket = store.bucket(bucketName);
let next = Number(first);
let acknowledged: number[] = [];

// Pipes are written synchronously: what was said is said, even when the kill comes next.
setInterval(() => {
  if (acknowledged.length > 0) process.stdout.write(`${JSON.stringify(acknowledged)}\n`);
  acknowledged = [];
}, 5);
await keepInFlight(64, async () => {
  const n = next++;
  await bucket.put(pouredKey(n), pouredBody(n));
  acknowledged.push(n);
});
