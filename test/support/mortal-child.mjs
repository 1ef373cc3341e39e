// A process over a store on disk that ends itself by SIGKILL at its n-th commit: before it, amid
// it, or after it. It goes on where the one before it ended, and exits with 0 when nothing is left
// to do, with 1 when what it found is not what an interrupted predecessor may leave behind.
//   node mortal-child.mjs '{"folder","work","at","how","pauseMs","parts"}'
// `at` 0: it lives. `pauseMs`: amid a commit is so long after it was handed over. In `folder` are
// the store and the journal: the parts that were acknowledged, a line each.
import { deepStrictEqual, ok, strictEqual } from 'node:assert/strict';
import { createCipheriv, createHash } from 'node:crypto';
import { appendFileSync, existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

const { folder, work, at, how, pauseMs, parts } = JSON.parse(process.argv[2]);
const from = (path) => import(new URL(`../../dist/${path}.js`, import.meta.url).href);
const { openEmbedded } = await from('engine/embedded-engine');
const { Events } = await from('context/events');
const { StoreContext } = await from('context/store-context');
const { Store } = await from('store/store');

const place = join(folder, 'store');
const engine = await openEmbedded({
  zones: [1, 2, 3].map((zone) => join(place, `zone-${zone}`)),
  create: work === 'prepare',
  readOnly: false,
  rootKey: new Uint8Array(32).fill(7),
  rootHint: Uint8Array.of(1, 0),
  zoneDeadlineMs: 2000,
  small: '1+2',
  large: '4+2',
  largeFrom: 262144,
});

const gate = new Int32Array(new SharedArrayBuffer(4));
function die() {
  process.kill(process.pid, 'SIGKILL');
  Atomics.wait(gate, 0, 0);
}

const commit = engine.commit.bind(engine);
let commits = 0;
engine.commit = (transaction) => {
  commits++;
  if (commits === at && how === 'before') die();
  const done = commit(transaction);
  if (commits === at && how === 'after') return done.finally(die);
  if (commits === at) {
    Atomics.wait(gate, 0, 0, pauseMs);
    die();
  }
  return done;
};

const settings = { autoCreateBuckets: true, now: Date.now };
const store = new Store(place, new StoreContext(engine, new Events(place, undefined), settings));
const bucket = store.bucket('docs');
const film = async () => (await bucket.get('film')).bytes();
const begun = async () => {
  const uploads = [];
  for await (const upload of bucket.uploads()) uploads.push(upload);
  return uploads;
};
const named = (count) => Array.from({ length: count }, (_, i) => `key-${i}`);

const partSize = 100 * 1024;

/** Bytes that only this part has. */
function bytesOf(number) {
  const key = createHash('sha256').update(`part ${number}`).digest().subarray(0, 16);
  return createCipheriv('aes-128-ctr', key, Buffer.alloc(16)).update(Buffer.alloc(partSize));
}

// All over the range from 1 to 10,000, in no order: 7919 has no divisor in common with it.
const numbers = Array.from({ length: parts ?? 0 }, (_, i) => ((i * 7919) % 10_000) + 1);

async function checkedFilm() {
  const whole = createHash('sha256');
  for (const number of [...numbers].sort((a, b) => a - b)) whole.update(bytesOf(number));
  const found = createHash('sha256');
  for await (const piece of (await bucket.get('film')).stream()) found.update(piece);
  strictEqual(found.digest('hex'), whole.digest('hex'), 'the object is not its parts');
}

async function upload() {
  const journal = join(folder, 'journal');
  const lines = existsSync(journal) ? readFileSync(journal, 'utf8').trim().split('\n') : [];
  const acknowledged = new Map(lines.map((line) => line.split(' ')));
  const uploads = await begun();
  ok(uploads.length <= 1, 'one upload was begun');
  if (uploads.length === 0 && acknowledged.size > 0) return checkedFilm();

  strictEqual(Buffer.from(await film()).toString(), 'before');
  const { uploadId } = uploads[0] ?? (await bucket.upload('film'));
  const upload = bucket.resumeUpload('film', uploadId);
  const there = new Map();
  for await (const { partNumber, etag, size } of upload.parts()) {
    strictEqual(size, partSize);
    there.set(`${partNumber}`, etag);
  }
  for (const [number, etag] of acknowledged) strictEqual(there.get(number), etag);
  // At most the part whose commit the predecessor did not see the end of. That its bytes are whole
  // shows when the object is read.
  const more = [...there].filter(([number]) => !acknowledged.has(number));
  ok(more.length <= 1, `${more.length} parts that nobody was told of`);
  for (const [number, etag] of more) {
    appendFileSync(journal, `${number} ${etag}\n`);
  }
  for (const number of numbers) {
    if (there.has(`${number}`)) continue;
    const { etag } = await upload.part(number, bytesOf(number));
    appendFileSync(journal, `${number} ${etag}\n`);
  }
  if (work === 'parts') return;
  await upload.complete();
  await checkedFilm();
  deepStrictEqual(await begun(), []);
}

const works = {
  async prepare() {
    await Promise.all(named(128).map((name) => bucket.put(`old/${name}`, name)));
    await Promise.all(named(1000).map((name) => bucket.put(`gone/${name}`, name)));
    await bucket.put('film', 'before');
  },
  transaction: () =>
    store.transaction(async (tx) => {
      const docs = tx.bucket('docs');
      for (const name of named(128)) {
        await docs.put(`new/${name}`, name);
        docs.remove(`old/${name}`);
      }
    }),
  async removal() {
    const { errors } = await bucket.remove(named(1000).map((name) => `gone/${name}`));
    deepStrictEqual(errors, []);
    deepStrictEqual(await bucket.list({ prefix: 'gone/' }).toArray(), []);
  },
  parts: upload,
  upload,
};
await works[work]();
process.stdout.write(`${commits}\n`);
await store.close();
