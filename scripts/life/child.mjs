// The process that is killed: opens a store and performs the steps that come in, a line of JSON
// each, as many at once as come. What it answers is written before anything else is done, so that
// whoever kills it holds every answer that was given.
//   node child.mjs '{"zones":[[PATH...]...],"create":true}'     the ways to open it, in turn
//   ← {"id","verb",...}     → [id,{"value"}]  or  [id,{"code","message"}]
//   The open is id 0. → ["expelled",ZONE] comes by itself.
import { writeSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { perform } from './verbs.mjs';

const { open } = await import(new URL('../../dist/index.js', import.meta.url).href);

const given = JSON.parse(process.argv[2]);
/** So long that hardly a zone is expelled for the slowness of a machine under test. */
const zoneDeadlineMs = 5000;

const say = (id, answer) => writeSync(1, `${JSON.stringify([id, answer])}\n`);
const logger = {
  warn: ({ type, zone }) => type === 'zone:expelled' && say('expelled', zone),
};
const refusal = ({ code, name, message }) => ({ code: code ?? name, message });

async function openStore() {
  for (const [way, zones] of given.zones.entries()) {
    try {
      const rootKey = new Uint8Array(32).fill(7);
      const { create } = given;
      const settings = { zoneDeadlineMs, autoCreateBuckets: false, logger };
      const store = await open('store', { zones, rootKey, create, ...settings });
      say(0, { value: way });
      return store;
    } catch (error) {
      // A zone that was replaced is refused: the other way must do then.
      if (error.code === 'ZONE_FOREIGN' && way + 1 < given.zones.length) continue;
      say(0, refusal(error));
      process.exit(1);
    }
  }
}

const store = await openStore();
for await (const line of createInterface({ input: process.stdin })) {
  const { id, ...step } = JSON.parse(line);
  if (step.verb === 'close') {
    await store.close();
    say(id, {});
    break;
  }
  perform(store, step).then(
    (value) => say(id, { value }),
    (error) => say(id, refusal(error)),
  );
}
process.exit(0);
