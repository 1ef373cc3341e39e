// However many results the engine has, it hands over a few in each turn of the event loop.
import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { setImmediate as turnOver } from 'node:timers/promises';
import test from 'ava';
import { openEmbedded } from '../../lib/engine/embedded-engine.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

const key = (text: string): Uint8Array => Buffer.from(text);
const gets = 2000;
/** Two rounds of 256: see native/binding/completions.cc. */
const resultsOfTurn = 512;

test('a flood of results leaves every turn of the loop to others as well', async (t) => {
  const engine = await openEmbedded({
    zones: [join(await temporaryFolder(t), 'zone-1')],
    create: true,
    readOnly: false,
    rootKey: new Uint8Array(32).fill(7),
    rootHint: Uint8Array.of(1, 0),
    zoneDeadlineMs: 10_000,
    small: '1+0',
    large: '1+0',
    largeFrom: 256 * 1024,
  });
  t.teardown(() => engine.close());
  const { kek } = engine.createKey(key('test'));
  const blob = { bytes: randomBytes(100), kek };
  await engine.commit({
    effects: [{ key: key('a'), modified: 0, body: new Uint8Array(), blob }],
  });

  let results = 0;
  const all = Promise.all(
    Array.from({ length: gets }, async () => {
      await engine.get({ key: key('a'), open: { kek } });
      results++;
    }),
  );
  // The loop stands still, so that all results are there at once.
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 500);
  const perTurn: number[] = [];
  for (let before = 0; results < gets; before = results) {
    await turnOver();
    perTurn.push(results - before);
  }
  await all;
  t.true(Math.max(...perTurn) <= resultsOfTurn, `${Math.max(...perTurn)} results in one turn`);
});
