// A worker that is terminated while the engine's threads write into its memory.
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Worker } from 'node:worker_threads';
import test from 'ava';
import { openEmbedded } from '../../lib/engine/embedded-engine.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

const key = (text: string): Uint8Array => Buffer.from(text);
const addon =
  process.env.STRONGROOM_NATIVE ??
  fileURLToPath(new URL('../../build/Release/strongroom.node', import.meta.url));
const size = 8 * 2 ** 20;
const readers = 8;
const workers = 12;

/** Opens the same store, which the threads of the process share, and reads without end. */
const program = `
const { parentPort, workerData } = require('node:worker_threads');
const { addon, options, wrapped, readers, size } = workerData;
const key = (text) => Buffer.from(text);
async function main() {
  options.rootKey = new Uint8Array(32).fill(7);
  const engine = await require(addon).open(options, () => {});
  const kek = engine.openKey(wrapped, key('test'));
  let pieces = 0;
  const lane = async () => {
    for (;;) {
      const [, pin] = await engine.get(key('a'), null, 0, kek, 0, size);
      const reader = engine.openReader(pin, 0, size);
      while ((await reader.read()) !== null)
        if (++pieces === readers) parentPort.postMessage('reading');
      reader.close();
    }
  };
  await Promise.all(Array.from({ length: readers }, lane));
}
main();
`;

test('terminating a worker with reads under way harms nobody', async (t) => {
  const folder = await temporaryFolder(t);
  const options = {
    zones: [1, 2, 3].map((number) => join(folder, `zone-${number}`)),
    create: true,
    readOnly: false,
    rootHint: Uint8Array.of(1, 0),
    zoneDeadlineMs: 10_000,
  };
  const engine = await openEmbedded({
    ...options,
    rootKey: new Uint8Array(32).fill(7),
    small: '1+2',
    large: '4+2',
    largeFrom: 256 * 1024,
  });
  t.teardown(() => engine.close());
  const { kek, wrapped } = engine.createKey(key('test'));
  const bytes = randomBytes(size);
  const writer = engine.writeBlob(kek, size);
  await writer.write(bytes);
  await writer.finish();
  await engine.commit({
    effects: [{ key: key('a'), modified: 0, body: new Uint8Array(), blob: writer }],
  });

  const geometry = { small: [1, 2], large: [4, 2], largeFrom: 256 * 1024, slabs: 12 };
  for (let i = 0; i < workers; i++) {
    const worker = new Worker(program, {
      eval: true,
      execArgv: [],
      workerData: { addon, options: { ...options, ...geometry }, wrapped, readers, size },
    });
    await once(worker, 'message');
    await worker.terminate();
  }
  const found = await engine.get({ key: key('a'), open: { kek } });
  const parts: Uint8Array[] = [];
  for (let part = await found?.reader?.read(); part; part = await found?.reader?.read())
    parts.push(part);
  t.true(bytes.equals(Buffer.concat(parts)));
});
