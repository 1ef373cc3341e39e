// The process that is recorded: makes a store, says so, and runs a plan over it. It marks each step
// before it begins and after it was acknowledged, and each mark stands in the recording between the
// writes before and after it.
//   node workload.mjs '{"store","mark","zones","seed","rounds"}'
import { openSync, writeSync } from 'node:fs';
import { bytesOf, partSize, planOf } from './plan.mjs';
import { openStore } from './store.mjs';

const { store: place, mark, zones, seed, rounds } = JSON.parse(process.argv[2]);
const marks = openSync(mark, 'w');
const say = (text) => writeSync(marks, `${text} `);

let store = await openStore(place, zones, true);
let bucket = await store.createBucket('docs');
const verbs = {
  put: ({ effects: [[key, body]] }) => bucket.put(key, bytesOf(body)),
  remove: ({ effects: [[key]] }) => bucket.remove(key),
  copy: ({ source, effects: [[key]] }) => bucket.copy(source, key),
  transaction: ({ effects }) =>
    store.transaction(async (tx) => {
      const docs = tx.bucket('docs');
      for (const [key, body] of effects) {
        if (body === null) docs.remove(key);
        else await docs.put(key, bytesOf(body));
      }
    }),
  async upload({ effects: [[key, body]] }) {
    const bytes = bytesOf(body);
    const upload = await bucket.upload(key);
    await upload.part(2, bytes.subarray(partSize));
    await upload.part(1, bytes.subarray(0, partSize));
    await upload.complete();
  },
  compact: () => store.health.compact(),
  async reopen() {
    await store.close();
    store = await openStore(place, zones, false);
    bucket = store.bucket('docs');
  },
};
const run = async (step) => {
  say(`B${step.id}`);
  await verbs[step.kind](step);
  say(`A${step.id}`);
};

say('start');
for (const steps of planOf(seed, rounds)) {
  await Promise.all(steps.filter(({ last }) => !last).map(run));
  for (const step of steps.filter(({ last }) => last)) await run(step);
}
await store.close();
say('end');
