// How fast is a page of a listing, against the fastest ordered store that Node has?
import { join } from 'node:path';
import { type Bucket, open } from 'strongroom';
import { removeTree } from './rig/disk.ts';
import { timed } from './rig/flight.ts';
import { type Lmdb, type LmdbStore, loadPeer } from './rig/peers.ts';
import { bucketName, preloaded, preloadedKey, preloadedPrefix } from './rig/preloaded.ts';
import type { Answer, Question, Stand } from './rig/question.ts';
import { alternate } from './rig/rounds.ts';

export const list: Question = {
  name: 'list',
  asks: 'pages of 1000 (key, size, etag, time) from random starts among 1e6, over lmdb getRange',
  better: 'higher',
  unit: 'x',
  goal: 4,
  measures: 'entries/s',
  measure,
};

const limit = 1000;
/** Raised when the peer's records change. */
const version = 1;

/** What a listing says of an object, as a record of the peer. */
interface Entry {
  readonly size: number;
  readonly etag: string;
  readonly time: number;
}

async function measure(stand: Stand): Promise<Answer> {
  const peer = loadPeer<Lmdb>('lmdb');
  if (typeof peer === 'string') throw new Error(`list compares with lmdb, which is ${peer}`);
  const { path, count } = await preloaded(stand);
  await using store = await open(path, { zones: 3, create: false });
  const bucket = store.bucket(bucketName);
  const lmdb = await equalRecords(stand, peer, bucket, count);
  await requireEqual(bucket, lmdb, count);
  const [rounds, pages] = stand.quick ? [2, 20] : [9, 300];
  // Both list from the same starts, others in each round; the last ones warm up.
  const starts = Array.from({ length: rounds + 1 }, () => randomStarts(pages, count));
  const turns = {
    ours: (round: number) => rate(starts[round], (start) => ours(bucket, start)),
    floor: (round: number) => rate(starts[round], (start) => theirs(lmdb, start)),
  };
  await turns.ours(rounds);
  await turns.floor(rounds);
  const compared = await alternate(stand, rounds, turns);
  await lmdb.close();
  return { ...compared, peers: { lmdb: compared.floor } };
}

/** Every field is added up: what is decoded only when it is looked at must be looked at. */
interface Tally {
  entries: number;
  size: number;
  text: number;
  time: number;
}

async function ours(bucket: Bucket, startAfter: string): Promise<Tally> {
  const tally: Tally = { entries: 0, size: 0, text: 0, time: 0 };
  for (const object of await bucket.list({ startAfter, limit }).toArray()) {
    tally.entries++;
    tally.size += object.size;
    tally.text += object.key.length + object.etag.length;
    tally.time += object.lastModified.getTime();
  }
  return tally;
}

function theirs(lmdb: LmdbStore, start: string): Tally {
  const tally: Tally = { entries: 0, size: 0, text: 0, time: 0 };
  for (const { key, value } of lmdb.getRange({ start, limit })) {
    const { size, etag, time } = value as Entry;
    tally.entries++;
    tally.size += size;
    tally.text += key.length + etag.length;
    tally.time += new Date(time).getTime();
  }
  return tally;
}

/** Not so near the end that a page would be short. */
function randomStarts(pages: number, count: number): string[] {
  const last = 2 ** 32 * Math.max(0, 1 - (2 * limit) / count);
  return Array.from({ length: pages }, () => {
    const mixed = Math.floor(Math.random() * last);
    return `${preloadedPrefix}${mixed.toString(16).padStart(8, '0')}`;
  });
}

/** Entries per second, one page after the other. */
async function rate(
  starts: readonly string[] = [],
  page: (start: string) => Promise<Tally> | Tally,
): Promise<number> {
  let entries = 0;
  const seconds = await timed(async () => {
    for (const start of starts) {
      const tally = await page(start);
      entries += tally.entries;
      if (tally.size === 0 || tally.text === 0 || tally.time === 0) throw new Error('empty fields');
    }
  });
  if (entries !== starts.length * limit)
    throw new Error(`${entries} entries, some pages are short`);
  return entries / seconds;
}

/** The listing of the whole bucket as records of the peer, made once. */
async function equalRecords(
  stand: Stand,
  { open: openLmdb }: Lmdb,
  bucket: Bucket,
  count: number,
): Promise<LmdbStore> {
  const first = (await bucket.head(preloadedKey(0)))?.etag;
  // Named by the first ETag: a fixture that was built anew has other ones.
  const path = join(stand.data, `lmdb-${version}-${count}-${first?.replace(/\W/g, '')}`);
  let lmdb = openLmdb({ path, mapSize: 2 ** 31 });
  if (lmdb.getKeysCount() === count) return lmdb;
  await lmdb.close();
  await removeTree(path);
  stand.say(`building the peer's records: ${count}, once`);
  lmdb = openLmdb({ path, mapSize: 2 ** 31 });
  for await (const { objects } of bucket.list({ prefix: preloadedPrefix }).pages())
    await Promise.all(
      objects.map(({ key, size, etag, lastModified }) => {
        const entry: Entry = { size, etag, time: lastModified.getTime() };
        return lmdb.put(key, entry);
      }),
    );
  await lmdb.flushed;
  return lmdb;
}

/** Throws unless both list the same entries, and as many as were preloaded. */
async function requireEqual(bucket: Bucket, lmdb: LmdbStore, count: number): Promise<void> {
  if (lmdb.getKeysCount() !== count) throw new Error('the peer lacks records');
  let listed = 0;
  for await (const page of bucket.list({ prefix: preloadedPrefix }).pages()) {
    const [one] = page.objects;
    listed += page.objects.length;
    if (one === undefined) continue;
    const theirs = lmdb.get(one.key) as Entry | undefined;
    if (theirs?.etag !== one.etag || theirs.size !== one.size)
      throw new Error(`${one.key} differs between the two`);
  }
  if (listed !== count) throw new Error(`${count} objects were preloaded, ${listed} are listed`);
}
