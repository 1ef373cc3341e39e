// The conformance suite of a StorageEngine: ordered rows, transactions, blobs and scans, without
// any rule of buckets or objects. The model and the embedded engine must give the same answers.
import { createHash, randomBytes } from 'node:crypto';
import { crc32 } from 'node:zlib';
import type { ExecutionContext, TestFn } from 'ava';
import { crc64 } from '../../lib/crc64.ts';
import type { DigestName, Digests } from '../../lib/engine/digests.ts';
import type {
  BlobReader,
  Effect,
  KeyHandle,
  Page,
  RowKey,
  ScanRequest,
  StorageEngine,
} from '../../lib/engine/storage-engine.ts';
import { checkpointSection } from './checkpoint-section.ts';
import { engineVersionsSection } from './engine-versions-section.ts';
import { sharedBlobsSection } from './shared-blobs-section.ts';
import { Dice, edgeBodies, megabyte, rejection } from './support.ts';

export type OpenEngine = (t: ExecutionContext) => Promise<StorageEngine>;

const context = Buffer.from('context');
const key = (text: string): Buffer => Buffer.from(text, 'latin1');
const row = (text: string, body = text): Effect => ({
  key: key(text),
  modified: 7,
  body: Buffer.from(body),
});
const gone = (text: string): Effect => ({ key: key(text), delete: true });

async function put(engine: StorageEngine, ...texts: string[]): Promise<number> {
  return (await engine.commit({ effects: texts.map((text) => row(text)) })).revision;
}

async function bodyAt(engine: StorageEngine, text: string): Promise<string | null> {
  const found = await engine.get({ key: key(text) });
  return found === null ? null : Buffer.from(found.row.body).toString();
}

async function readAll(reader: BlobReader): Promise<Buffer> {
  const pieces: Uint8Array[] = [];
  for (let piece = await reader.read(); piece !== null; piece = await reader.read()) {
    if (piece.length === 0 || piece.length > megabyte)
      throw new Error(`a piece of ${piece.length}`);
    pieces.push(piece);
  }
  reader.close();
  return Buffer.concat(pieces);
}

/** The texts of a page, common prefixes with a star behind. */
function texts(page: Page): string[] {
  return Array.from({ length: page.count }, (_, i) => page.text(i) + (page.isPrefix(i) ? '*' : ''));
}

export function engineSuite(test: TestFn, name: string, openEngine: OpenEngine): void {
  const withEngine = (
    title: string,
    body: (t: ExecutionContext, engine: StorageEngine) => Promise<void>,
  ) => test(`${name} engine: ${title}`, async (t) => body(t, await openEngine(t)));

  withEngine('keeps rows as they were committed', async (t, engine) => {
    t.regex(engine.storeId, /^[0-9a-f]{32}$/i);
    t.is(await engine.get({ key: key('a') }), null);
    const first = await put(engine, 'a', 'b');
    const second = await engine.commit({ effects: [row('b', 'new'), gone('a'), row('c')] });
    t.true(second.revision > first);
    t.deepEqual(second.blobs, []);
    t.is(await bodyAt(engine, 'a'), null);
    const found = await engine.get({ key: key('b') });
    t.is(found?.row.revision, second.revision);
    t.is(found?.row.modified, 7);
    t.is(found?.row.blob, null);
    t.is(await bodyAt(engine, 'b'), 'new');
    await t.notThrowsAsync(engine.commit({ effects: [gone('never there')] }));
    await engine.commit({ effects: [{ key: key('empty'), modified: 0, body: new Uint8Array() }] });
    t.is(await bodyAt(engine, 'empty'), '');
    const time = Date.now() + 0.0;
    await engine.commit({
      effects: [{ key: key('time'), modified: time, body: Buffer.of(0, 255) }],
    });
    t.is((await engine.get({ key: key('time') }))?.row.modified, time);
  });

  withEngine('reads keys and bodies during the call only', async (t, engine) => {
    const scratch = Buffer.from('key-1');
    const body = Buffer.from('one');
    const { wrapped: _, kek } = engine.createKey(context);
    const bytes = Buffer.alloc(1000, 1);
    const committing = engine.commit({
      checks: [{ key: scratch, revision: null }],
      effects: [{ key: scratch, modified: 1, body, blob: { bytes, kek } }],
    });
    scratch.fill(0);
    body.fill(0);
    bytes.fill(0);
    await committing;
    const again = Buffer.from('key-1');
    const getting = engine.get({ key: again, open: { kek } });
    again.fill(0);
    const found = await getting;
    t.is(Buffer.from(found?.row.body ?? []).toString(), 'one');
    t.deepEqual(Buffer.from(found?.bytes ?? []), Buffer.alloc(1000, 1));
  });

  withEngine('takes row keys of up to 1100 bytes of any kind', async (t, engine) => {
    const keys = [Buffer.of(1), Buffer.of(1, 0), Buffer.of(1, 0xff), Buffer.alloc(1100, 0xfe)];
    for (const rowKey of keys)
      await engine.commit({ effects: [{ key: rowKey, modified: 1, body: rowKey }] });
    for (const rowKey of keys)
      t.deepEqual(Buffer.from((await engine.get({ key: rowKey }))?.row.body ?? []), rowKey);
    const long = Buffer.alloc(1101, 1);
    await rejection(
      t,
      engine.commit({ effects: [{ key: long, modified: 1, body: long }] }),
      'InvalidArgument',
    );
  });

  withEngine('checks revisions, absence and empty ranges, all or nothing', async (t, engine) => {
    const revision = await put(engine, 'a', 'm', 'x');
    const range = (start: string, end: string) => ({ start: key(start), end: key(end), newest: 0 });
    const good = [
      { checks: [{ key: key('a'), revision }] },
      { checks: [{ key: key('b'), revision: null }] },
      { ranges: [range('b', 'm'), range('n', 'x'), range('y', 'z')] },
      { ranges: [range('m', 'm'), range('x', 'a')] },
    ];
    for (const conditions of good)
      await t.notThrowsAsync(engine.commit({ ...conditions, effects: [row('zz')] }));
    await engine.commit({ effects: [gone('zz')] });
    const bad = [
      { checks: [{ key: key('a'), revision: revision + 1 }] },
      { checks: [{ key: key('a'), revision: null }] },
      { checks: [{ key: key('b'), revision }] },
      {
        checks: [
          { key: key('a'), revision },
          { key: key('m'), revision: 0 },
        ],
      },
      { ranges: [range('a', 'b')] },
      { ranges: [range('b', 'c'), range('l', 'n')] },
      { ranges: [range('', 'zzz')] },
    ];
    for (const conditions of bad) {
      const commit = engine.commit({ ...conditions, effects: [row('zz'), gone('a')] });
      await rejection(t, commit, 'PreconditionFailed', JSON.stringify(conditions));
      t.is(await bodyAt(engine, 'zz'), null);
      t.is(await bodyAt(engine, 'a'), 'a');
    }
  });

  withEngine('lets one of many racing commits win', async (t, engine) => {
    const revision = await put(engine, 'a');
    const race = await Promise.allSettled(
      Array.from({ length: 16 }, (_, i) =>
        engine.commit({
          checks: [{ key: key('a'), revision }],
          effects: [row('a', `winner ${i}`), row(`won-${i}`)],
        }),
      ),
    );
    const winners = race.flatMap(({ status }, i) => (status === 'fulfilled' ? [i] : []));
    t.is(winners.length, 1);
    t.is(await bodyAt(engine, 'a'), `winner ${winners[0]}`);
    for (let i = 0; i < race.length; i++)
      t.is(await bodyAt(engine, `won-${i}`), winners.includes(i) ? `won-${i}` : null);
  });

  withEngine('gives every commit a revision of its own, in order', async (t, engine) => {
    const commits = await Promise.all(
      Array.from({ length: 50 }, (_, i) => put(engine, `key-${i}`)),
    );
    t.is(new Set(commits).size, commits.length);
    t.deepEqual(
      [...commits].sort((a, b) => a - b),
      commits,
    );
  });

  withEngine('refuses two effects on one row', async (t, engine) => {
    await rejection(t, engine.commit({ effects: [row('a'), gone('a')] }), 'InvalidArgument');
    t.is(await bodyAt(engine, 'a'), null);
  });

  withEngine('checks under a get', async (t, engine) => {
    const revision = await put(engine, 'a', 'b');
    t.not(await engine.get({ key: key('a'), check: { key: key('b'), revision } }), null);
    t.is(await engine.get({ key: key('c'), check: { key: key('b'), revision } }), null);
    for (const wrong of [null, revision + 1, 0])
      await rejection(
        t,
        engine.get({ key: key('a'), check: { key: key('b'), revision: wrong } }),
        'PreconditionFailed',
      );
  });

  withEngine('keeps small blobs inline and serves their ranges', async (t, engine) => {
    const { kek } = engine.createKey(context);
    for (const [size, bytes] of edgeBodies()) {
      if (size > engine.smallBlobMax) continue;
      const { blobs } = await engine.commit({
        effects: [{ ...row('a'), blob: { bytes, kek } } as Effect],
      });
      t.is(blobs.length, 1);
      t.is(blobs[0]?.size, size);
      t.is(blobs[0]?.crc64, crc64(bytes));
      t.regex(blobs[0]?.id ?? '', /^[0-9A-F]{32}$/);
      const closed = await engine.get({ key: key('a') });
      t.deepEqual(closed?.row.blob, blobs[0]);
      t.is(closed?.bytes, undefined);
      t.is(closed?.length, 0);
      for (const [offset, length] of rangesOf(size)) {
        const found = await engine.get({ key: key('a'), open: { kek, offset, length } });
        const expected = bytes.subarray(offset, offset + length);
        t.is(found?.length, expected.length);
        t.true(expected.equals(found?.bytes ?? Buffer.of(1)), `${offset} ${length} of ${size}`);
      }
      const whole = await engine.get({ key: key('a'), open: { kek } });
      t.is(whole?.offset, 0);
      t.true(bytes.equals(whole?.bytes ?? Buffer.of(1)));
    }
  });

  withEngine('streams large blobs in and out', async (t, engine) => {
    const { kek } = engine.createKey(context);
    for (const size of [engine.smallBlobMax + 1, 3 * megabyte + 17]) {
      const bytes = randomBytes(size);
      const info = await writeLarge(engine, kek, bytes, 'a');
      t.is(info.size, size);
      t.is(info.crc64, crc64(bytes));
      const found = await engine.get({ key: key('a'), open: { kek } });
      for (const field of ['id', 'size', 'crc64'] as const)
        t.is(found?.row.blob?.[field], info[field]);
      if (found?.reader === undefined) return t.fail('a large blob has a reader');
      t.true(bytes.equals(await readAll(found.reader)));
      for (const [offset, length] of rangesOf(size)) {
        const part = await engine.get({ key: key('a'), open: { kek, offset, length } });
        const expected = bytes.subarray(offset, offset + length);
        t.is(part?.length, expected.length);
        const got = part?.reader ? await readAll(part.reader) : Buffer.from(part?.bytes ?? []);
        t.true(expected.equals(got), `${offset} ${length} of ${size}`);
      }
    }
  });

  withEngine('snapshots what is written, whatever its size', async (t, engine) => {
    const { kek } = engine.createKey(context);
    const expected: Buffer[] = [];
    const writer = engine.writeBlob(kek);
    for (const size of [1, 65_536, 100_000, megabyte, 7, 300_000]) {
      const piece = randomBytes(size);
      expected.push(Buffer.from(piece));
      await writer.write(piece);
      piece.fill(0);
    }
    await writer.finish();
    await engine.commit({ effects: [{ ...row('a'), blob: writer } as Effect] });
    await writer.dispose();
    const found = await engine.get({ key: key('a'), open: { kek } });
    t.true(Buffer.concat(expected).equals(await readAll(found?.reader as BlobReader)));
  });

  withEngine('writes blobs whose size was announced', async (t, engine) => {
    const { kek } = engine.createKey(context);
    const sizes = [300_000, megabyte, 2 * megabyte, 2 * megabyte + 1, 5 * megabyte - 1];
    for (const size of sizes) {
      for (const step of [65_536, 700_001, megabyte, size]) {
        const bytes = randomBytes(size);
        const writer = engine.writeBlob(kek, size);
        for (let at = 0; at < size; at += step) {
          const piece = Uint8Array.from(bytes.subarray(at, at + step));
          await writer.write(piece);
          piece.fill(0);
        }
        t.is((await writer.finish()).size, size);
        await engine.commit({ effects: [{ ...row('a'), blob: writer } as Effect] });
        await writer.dispose();
        const found = await engine.get({ key: key('a'), open: { kek } });
        const read = await readAll(found?.reader as BlobReader);
        t.true(bytes.equals(read), `${size} bytes in steps of ${step}`);
      }
    }
  });

  withEngine('commits a finished blob after a refused commit', async (t, engine) => {
    const { kek } = engine.createKey(context);
    const writer = engine.writeBlob(kek);
    const bytes = randomBytes(500_000);
    await writer.write(bytes);
    await writer.finish();
    const effects = [{ ...row('a'), blob: writer } as Effect];
    const refused = engine.commit({ checks: [{ key: key('b'), revision: 5 }], effects });
    await rejection(t, refused, 'PreconditionFailed');
    await engine.commit({ effects });
    await writer.dispose();
    const found = await engine.get({ key: key('a'), open: { kek } });
    t.true(bytes.equals(await readAll(found?.reader as BlobReader)));
  });

  withEngine('keeps a blob while a reader is open', async (t, engine) => {
    const { kek } = engine.createKey(context);
    const bytes = randomBytes(3 * megabyte);
    await writeLarge(engine, kek, bytes, 'a');
    const found = await engine.get({ key: key('a'), open: { kek } });
    const reader = found?.reader as BlobReader;
    const first = await reader.read();
    await writeLarge(engine, kek, randomBytes(megabyte), 'a');
    await engine.commit({ effects: [gone('a')] });
    const rest = await readAll(reader);
    t.true(bytes.equals(Buffer.concat([first ?? Buffer.of(), rest])));
    reader.close();
  });

  withEngine('digests blobs that it writes, and bytes that it is shown', async (t, engine) => {
    const { kek } = engine.createKey(context);
    const names: DigestName[] = ['crc64', 'md5', 'crc32'];
    for (const size of [0, 1000, 65_537, engine.smallBlobMax]) {
      const bytes = randomBytes(size);
      const digesting = engine.digest(names, bytes);
      bytes.fill(0); // Read during the call only.
      if (size > 0) t.notDeepEqual(await digesting, await engine.digest(names, bytes));
      check(await engine.digest(names, bytes), bytes);
      const writer = engine.writeBlob(kek, undefined, names);
      await writer.write(bytes);
      check((await writer.finish()).digests, bytes);
      await writer.dispose();
    }

    function check(digests: Digests, bytes: Uint8Array): void {
      t.deepEqual([...digests.keys()], ['md5', 'crc32', 'crc64']);
      t.is(hexOf(digests.get('md5')), createHash('md5').update(bytes).digest('hex'));
      t.is(hexOf(digests.get('crc32')), crc32(bytes).toString(16).padStart(8, '0'));
      t.is(BigInt(`0x${hexOf(digests.get('crc64'))}`).toString(), crc64(bytes));
    }
    function hexOf(bytes: Uint8Array | undefined): string {
      return Buffer.from(bytes ?? []).toString('hex');
    }
  });

  withEngine('leaves nothing of a disposed writer', async (t, engine) => {
    const { kek } = engine.createKey(context);
    for (const finished of [false, true]) {
      const writer = engine.writeBlob(kek);
      await writer.write(new Uint8Array(megabyte));
      if (finished) await writer.finish();
      await writer.dispose();
      await writer.dispose();
    }
    t.is(await bodyAt(engine, 'a'), null);
  });

  withEngine('opens blobs and keys only with the right key and context', async (t, engine) => {
    const { wrapped, kek } = engine.createKey(context);
    const bytes = randomBytes(100);
    await engine.commit({ effects: [{ ...row('a'), blob: { bytes, kek } } as Effect] });
    const again = engine.openKey(wrapped, context);
    const found = await engine.get({ key: key('a'), open: { kek: again } });
    t.true(bytes.equals(found?.bytes ?? Buffer.of()));
    const other = engine.createKey(context);
    t.false(Buffer.from(other.wrapped).equals(wrapped));
    await rejection(t, engine.get({ key: key('a'), open: { kek: other.kek } }), 'DECRYPT_FAILED');
    const open = async (wrap: Uint8Array, bound: Uint8Array) => engine.openKey(wrap, bound);
    await rejection(t, open(wrapped, Buffer.from('other')), 'DECRYPT_FAILED');
    const flipped = Uint8Array.from(wrapped);
    flipped[flipped.length - 1] = (flipped.at(-1) ?? 0) ^ 1;
    await rejection(t, open(flipped, context), 'DECRYPT_FAILED');
    await rejection(t, open(new Uint8Array(), context), 'DECRYPT_FAILED');
  });

  withEngine('scans only when its check holds', async (t, engine) => {
    await put(engine, 'a', 'b');
    const guard = key('guard');
    const { revision } = await engine.commit({
      effects: [{ key: guard, modified: 0, body: new Uint8Array() }],
    });
    const request = { start: key('a'), end: key('c'), limit: 10, textFrom: 0 };
    const scan = (revision: number | null) =>
      engine.scan({ ...request, check: { key: guard, revision } });
    t.deepEqual(texts(await scan(revision)), ['a', 'b']);
    await rejection(t, scan(revision - 1), 'PreconditionFailed');
    await rejection(t, scan(null), 'PreconditionFailed');
    await engine.commit({ effects: [{ key: guard, delete: true }] });
    await rejection(t, scan(revision), 'PreconditionFailed');
    t.deepEqual(texts(await scan(null)), ['a', 'b']);
  });

  withEngine('scans ranges both ways in pages', async (t, engine) => {
    const all = ['a', 'aa', 'ab', 'b', 'b\x01', 'b\xff', 'c', 'ca'];
    await put(engine, ...all);
    // Bytes that are no UTF-8 become U+FFFD in the text.
    const shown = all.map((text) => Buffer.from(text, 'latin1').toString());
    for (const [start, end] of [
      ['', ''],
      ['a', 'b'],
      ['aa', 'c'],
      ['b', 'b\x02'],
      ['x', ''],
      ['c', 'b'],
    ])
      for (const reverse of [false, true])
        for (const limit of [1, 2, 3, 100]) {
          const within = all.flatMap((text, i) =>
            text >= (start ?? '') && (end === '' || text < (end ?? '')) ? [shown[i] as string] : [],
          );
          const request = {
            start: key(start ?? ''),
            end: key(end ?? ''),
            reverse,
            limit,
            textFrom: 0,
          };
          t.deepEqual(await scanAll(engine, request), reverse ? within.reverse() : within);
        }
    const page = await engine.scan({ start: key('a'), end: key('b'), limit: 10, textFrom: 1 });
    t.deepEqual(texts(page), ['', 'a', 'b']);
    t.is(page.resume, null);
    await rejection(
      t,
      engine.scan({ start: key(''), end: key(''), limit: 0, textFrom: 0 }),
      'InvalidArgument',
    );
    await rejection(
      t,
      engine.scan({ start: key(''), end: key(''), limit: 10_001, textFrom: 0 }),
      'InvalidArgument',
    );
  });

  withEngine('shows rows on a page as get does', async (t, engine) => {
    const { kek } = engine.createKey(context);
    const bytes = randomBytes(10);
    await engine.commit({
      effects: [row('a', 'body'), { ...row('b'), blob: { bytes, kek } } as Effect],
    });
    const page = await engine.scan({ start: key('a'), end: key(''), limit: 10, textFrom: 0 });
    t.is(page.count, 2);
    for (let i = 0; i < page.count; i++) {
      const found = await engine.get({ key: key(page.text(i)) });
      t.is(page.isPrefix(i), false);
      t.is(page.revision(i), found?.row.revision ?? -1);
      t.is(page.modified(i), found?.row.modified ?? -1);
      t.is(page.blobId(i), found?.row.blob?.id ?? null);
      t.is(page.size(i), found?.row.blob?.size ?? 0);
      t.is(page.crc64(i), found?.row.blob?.crc64 ?? '0');
      t.deepEqual(Buffer.from(page.body(i)), Buffer.from(found?.row.body ?? []));
    }
    // A page stays as it was.
    await engine.commit({ effects: [gone('a'), row('b', 'new')] });
    t.deepEqual(texts(page), ['a', 'b']);
    t.is(Buffer.from(page.body(0)).toString(), 'body');
  });

  withEngine('collapses versions and groups by delimiter', async (t, engine) => {
    const version = (text: string, n: number) => `${text}\0${String.fromCharCode(n)}`;
    await put(
      engine,
      ...['a', 'a/b', 'a/c', 'b', 'c//d'].flatMap((text) =>
        [1, 0x2f, 0xff].map((n) => version(text, n)),
      ),
    );
    const list = async (options: Partial<ScanRequest>) => {
      const base = { start: key(''), end: key(''), textFrom: 0, versionSize: 1 };
      const pages: string[][] = [];
      for (const limit of [1, 2, 100])
        pages.push(await scanAll(engine, { ...base, limit, ...options }));
      for (const page of pages) t.deepEqual(page, pages[0]);
      return pages[0] ?? [];
    };
    const slash = { delimiter: key('/'), groupFrom: 0 };
    t.deepEqual(await list({}), ['a', 'a/b', 'a/c', 'b', 'c//d']);
    t.deepEqual(await list({ reverse: true }), ['c//d', 'b', 'a/c', 'a/b', 'a']);
    // A slash in the version is no delimiter: the text ends before the first 00.
    t.deepEqual(await list(slash), ['a', 'a/*', 'b', 'c/*']);
    t.deepEqual(await list({ ...slash, reverse: true }), ['c/*', 'b', 'a/*', 'a']);
    t.deepEqual(await list({ delimiter: key('//') }), ['a', 'a/b', 'a/c', 'b', 'c//*']);
    t.deepEqual(await list({ ...slash, groupFrom: 2, start: key('a/') }), [
      'a/b',
      'a/c',
      'b',
      'c//*',
    ]);
    t.deepEqual(await list({ ...slash, textFrom: 1, start: key('a'), end: key('b') }), ['', '/*']);
    t.deepEqual(await list({ versionSize: 0, end: key('a/') }), ['a', 'a', 'a']);
    const page = await engine.scan({
      start: key(''),
      end: key(''),
      limit: 1,
      textFrom: 0,
      versionSize: 1,
    });
    t.is(
      Buffer.from(page.body(0)).toString('latin1'),
      Buffer.from(version('a', 1)).toString('latin1'),
    );
  });

  withEngine('agrees with a sorted array over random commits and scans', async (t, engine) => {
    const dice = new Dice();
    t.log(`SEED=${dice.seed}`);
    const model = new Map<string, string>();
    const word = () =>
      Array.from({ length: 1 + dice.below(4) }, () => dice.pick([...'ab/'])).join('');
    for (let step = 0; step < 300; step++) {
      const effects = new Map<string, Effect>();
      for (let i = dice.below(4); i >= 0; i--) {
        const text = word();
        effects.set(text, dice.below(3) === 0 ? gone(text) : row(text, `${text} ${step}`));
      }
      await engine.commit({ effects: [...effects.values()] });
      for (const [text, effect] of effects)
        if ('delete' in effect) model.delete(text);
        else model.set(text, `${text} ${step}`);
      const [start, end, reverse] = [word(), word(), dice.below(2) === 1];
      const expected = [...model.keys()].filter((text) => text >= start && text < end).sort();
      const request = {
        start: key(start),
        end: key(end),
        reverse,
        limit: 1 + dice.below(5),
        textFrom: 0,
      };
      t.deepEqual(await scanAll(engine, request), reverse ? expected.reverse() : expected);
      const text = word();
      t.is(await bodyAt(engine, text), model.get(text) ?? null);
    }
  });

  withEngine(
    'tells of each effect that asks for it, in the order of the commits',
    async (t, engine) => {
      const { kek } = engine.createKey(context);
      const event = (text: string) => ({ under: key('e'), modified: 7, body: Buffer.from(text) });
      const small = { ...row('a'), blob: { bytes: Buffer.from('four'), kek } };
      const put = { effects: [{ ...small, event: event('put a ') }, row('quiet')] as Effect[] };
      const { revision, blobs } = await engine.commit(put);
      // Nothing stands under the second key: there is nothing to tell of its removal.
      const second = await engine.commit({
        effects: [
          { ...gone('a'), event: event('removed a ') },
          { ...gone('none'), event: event('removed none ') },
          { ...row('b'), event: event('put b ') },
        ],
      });
      const refused = { ...row('c'), event: event('put c ') };
      const checks = [{ key: key('a'), revision }];
      await rejection(t, engine.commit({ checks, effects: [refused] }), 'PreconditionFailed');
      const page = await engine.scan({ start: key('e'), end: key('f'), limit: 10, textFrom: 0 });
      const told = Array.from({ length: page.count }, (_, i) => {
        const body = Buffer.from(page.body(i));
        const named = body.subarray(-28);
        return [
          body.subarray(0, -28).toString(),
          page.revision(i),
          page.modified(i),
          named.subarray(0, 16).toString('hex').toUpperCase(),
          Number(named.readBigUInt64LE(16)),
          named.readUInt32LE(24),
        ];
      });
      const none = '0'.repeat(32);
      t.deepEqual(told, [
        ['put a ', revision, 7, blobs[0]?.id as string, 4, 0],
        ['removed a ', second.revision, 7, none, 0, 0],
        ['put b ', second.revision, 7, none, 0, 1],
      ]);
      const position = Buffer.alloc(12);
      position.writeBigUInt64BE(BigInt(second.revision));
      position.writeUInt32BE(1, 8);
      const last = await engine.get({ key: Buffer.concat([key('e'), position]) });
      t.is(last?.row.revision, second.revision);
    },
  );

  withEngine('ends a wait with a change under its prefix, and with no other', async (t, engine) => {
    const over: string[] = [];
    const wait = (name: string, under: RowKey) => {
      const begun = engine.awaitChange(under);
      begun.over.then(() => over.push(name));
      return begun;
    };
    const begun = [wait('a', key('ea')), wait('b', key('eb')), wait('stopped', key('ea'))];
    begun[2]?.stop();
    begun[2]?.stop();
    await begun[2]?.over;
    t.deepEqual(over, ['stopped']);
    await engine.commit({ effects: [row('oa'), row('e')] });
    await engine.commit({ effects: [gone('ea')] });
    await begun[0]?.over;
    const event = { under: key('eb'), modified: 7, body: Buffer.from('put') };
    const again = wait('again', key('ea'));
    t.deepEqual(over, ['stopped', 'a']);
    await engine.commit({ effects: [{ ...row('ob'), event }] });
    await begun[1]?.over;
    t.deepEqual(over, ['stopped', 'a', 'b']);
    await engine.close();
    await again.over;
    await engine.awaitChange(key('ea')).over;
    t.deepEqual(over, ['stopped', 'a', 'b', 'again']);
  });

  sharedBlobsSection(withEngine);
  checkpointSection(withEngine);
  engineVersionsSection(withEngine);

  withEngine('refuses calls after close', async (t, engine) => {
    const { kek } = engine.createKey(context);
    await writeLarge(engine, kek, randomBytes(megabyte), 'a');
    const found = await engine.get({ key: key('a'), open: { kek } });
    const writer = engine.writeBlob(kek);
    await Promise.all([engine.close(), engine.close()]);
    await engine.close();
    await rejection(t, engine.get({ key: key('a') }), 'STORE_CLOSED');
    await rejection(t, put(engine, 'a'), 'STORE_CLOSED');
    const scan = engine.scan({ start: key(''), end: key(''), limit: 1, textFrom: 0 });
    await rejection(t, scan, 'STORE_CLOSED');
    await rejection(t, found?.reader?.read() as Promise<unknown>, 'STORE_CLOSED');
    found?.reader?.close();
    await rejection(t, writer.write(Buffer.of(1)), 'STORE_CLOSED');
    await t.notThrowsAsync(writer.dispose());
    await rejection(t, (async () => engine.writeBlob(kek))(), 'STORE_CLOSED');
    await rejection(t, (async () => engine.createKey(context))(), 'STORE_CLOSED');
  });
}

async function writeLarge(engine: StorageEngine, kek: KeyHandle, bytes: Buffer, text: string) {
  const writer = engine.writeBlob(kek);
  for (let at = 0; at < bytes.length; at += megabyte)
    await writer.write(bytes.subarray(at, at + megabyte));
  const info = await writer.finish();
  await engine.commit({ effects: [{ ...row(text), blob: writer } as Effect] });
  await writer.dispose();
  return info;
}

async function scanAll(engine: StorageEngine, request: ScanRequest): Promise<string[]> {
  const lines: string[] = [];
  let { start, end } = request;
  for (;;) {
    const page = await engine.scan({ ...request, start, end });
    lines.push(...texts(page));
    if (page.resume === null) return lines;
    if (request.reverse) end = page.resume;
    else start = page.resume;
  }
}

function rangesOf(size: number): [offset: number, length: number][] {
  const edges = [0, 1, 65_535, 65_536, 262_143, 262_144, size - 1, size, size + 1];
  const offsets = [...new Set(edges.filter((edge) => edge >= 0))];
  return offsets.flatMap((offset) =>
    [0, 1, 65_537, size].map((length): [number, number] => [offset, length]),
  );
}
