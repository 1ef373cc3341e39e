// Versions: what stays of an object that is replaced or removed, how it is found, and how it goes.
import type { ExecutionContext } from 'ava';
import type { Bucket, Store, StoredObject, VersioningState } from '../../lib/index.ts';
import { all, Dice, found, rejection, type Section } from './support.ts';

/** A moving clock: every look at it is a second later, unless it stands still. */
class Clock {
  time = Date.UTC(2026, 0, 1);
  step = 1000;
  readonly clock = (): Date => {
    this.time += this.step;
    return new Date(this.time);
  };
}

const text = async (bucket: Bucket, key: string, options = {}): Promise<string | null> =>
  (await bucket.get(key, options))?.text() ?? null;

/** A version as a line: what a list tells of it. */
const line = ({ key, versionId, isLatest, isDeleteMarker, size }: StoredObject): string =>
  [key, versionId ?? 'null', isLatest ? 'latest' : 'older', isDeleteMarker ? 'marker' : size].join(
    ' ',
  );

interface Version {
  /** As a caller sees it. */
  readonly id: string;
  /** Null: a delete marker. */
  readonly body: string | null;
  readonly modified: number;
  readonly tags: Record<string, string>;
}

/** The rules of OSS again, in the most literal way: a list of versions for each key. */
class Model {
  state: VersioningState = 'Unversioned';
  readonly keys = new Map<string, Version[]>();

  of(key: string): Version[] {
    const versions = this.keys.get(key) ?? [];
    this.keys.set(key, versions);
    return versions;
  }

  standing(key: string): Version | null {
    const [first] = this.of(key);
    return first === undefined || first.body === null ? null : first;
  }

  add(key: string, version: Version): void {
    const versions = this.of(key);
    // One null version at most: the new one takes its place, wherever it was.
    if (version.id === 'null') {
      const before = versions.findIndex(({ id }) => id === 'null');
      if (before >= 0) versions.splice(before, 1);
    }
    versions.unshift(version);
  }

  remove(key: string, id: string): void {
    const versions = this.of(key);
    const at = versions.findIndex((version) => version.id === id);
    if (at >= 0) versions.splice(at, 1);
  }

  at(key: string, moment: number): Version | null {
    const version = this.of(key).find(({ modified }) => modified <= moment);
    return version === undefined || version.body === null ? null : version;
  }

  lines(): string[] {
    return [...this.keys]
      .sort(([a], [b]) => Buffer.compare(Buffer.from(a), Buffer.from(b)))
      .flatMap(([key, versions]) =>
        versions.map(({ id, body }, i) =>
          [key, id, i === 0 ? 'latest' : 'older', body === null ? 'marker' : body.length].join(' '),
        ),
      );
  }
}

/** Drives a bucket and the model alike. */
class Walk {
  readonly model = new Model();
  readonly #bucket: Bucket;
  readonly #store: Store;
  readonly #dice: Dice;
  #count = 0;

  constructor(store: Store, bucket: Bucket, dice: Dice) {
    this.#store = store;
    this.#bucket = bucket;
    this.#dice = dice;
  }

  async step(key: string, other: string): Promise<void> {
    const ways = [
      () => this.put(key),
      () => this.put(key),
      () => this.put(key),
      () => this.remove([key]),
      () => this.remove([key, other]),
      () => this.removeVersion(key),
      () => this.removeVersion(key),
      () => this.copy(key, other),
      () => this.move(key, other),
      () => this.restore(key),
      () => this.tag(key),
      () => this.transact(key, other),
      () => this.upload(key),
    ];
    await this.#dice.pick(ways)();
  }

  #written({ versionId, lastModified }: StoredObject, body: string, tags = {}): Version {
    return { id: versionId ?? 'null', body, modified: lastModified.getTime(), tags };
  }

  #body(): string {
    const said = `body ${++this.#count} `;
    return this.#dice.below(12) === 0 ? said.padEnd(300_000, 'x') : said;
  }

  async put(key: string): Promise<void> {
    const [body, tags] = [this.#body(), { n: String(this.#count) }];
    this.model.add(key, this.#written(await this.#bucket.put(key, body, { tags }), body, tags));
  }

  async remove(keys: string[]): Promise<void> {
    const given = keys.length === 1 ? (keys[0] as string) : keys;
    const { removed } = await this.#bucket.remove(given);
    for (const key of new Set(keys)) {
      const { versionId, deleteMarker } = removed.find((each) => each.key === key) ?? {};
      if (this.model.state === 'Unversioned') {
        this.model.keys.delete(key);
      } else if (deleteMarker && versionId !== undefined) {
        const modified = await this.#modifiedOf(key, versionId);
        this.model.add(key, { id: versionId, body: null, modified, tags: {} });
      }
    }
  }

  async #modifiedOf(key: string, versionId: string): Promise<number> {
    const versions = await this.#bucket.versioning.list(key).toArray();
    return versions.find((each) => each.versionId === versionId)?.lastModified.getTime() ?? 0;
  }

  async removeVersion(key: string): Promise<void> {
    const id = this.#dice.pick([...this.model.of(key).map((each) => each.id), 'null']);
    await this.#bucket.remove(key, { versionId: id });
    this.model.remove(key, id);
  }

  async copy(from: string, to: string): Promise<void> {
    const sources = this.model.of(from).filter(({ body }) => body !== null);
    if (sources.length === 0) return;
    const source = this.#dice.pick(sources);
    const copied = await this.#bucket.copy({ key: from, versionId: source.id }, to);
    this.model.add(to, this.#written(copied, source.body as string, source.tags));
  }

  async move(from: string, to: string): Promise<void> {
    const source = this.model.standing(from);
    if (source === null || from === to) return;
    const moved = await this.#bucket.move(from, to);
    const { state } = this.model;
    if (state === 'Unversioned') this.model.keys.delete(from);
    this.model.add(to, this.#written(moved, source.body as string, source.tags));
    if (state === 'Unversioned') return;
    const [latest] = await this.#bucket.versioning.list(from, { limit: 1 }).toArray();
    const { versionId: id = '', lastModified } = latest as StoredObject;
    this.model.add(from, { id, body: null, modified: lastModified.getTime(), tags: {} });
  }

  async restore(key: string): Promise<void> {
    if (this.model.state !== 'Enabled') return;
    const sources = this.model.of(key).filter(({ body }) => body !== null);
    if (sources.length === 0) return;
    const source = this.#dice.pick(sources);
    const restored = await this.#bucket.versioning.restore(key, { versionId: source.id });
    if (this.model.standing(key) === source) return;
    this.model.add(key, this.#written(restored, source.body as string, source.tags));
  }

  async tag(key: string): Promise<void> {
    const versions = this.model.of(key);
    const tagged = versions.filter(({ body }) => body !== null);
    if (tagged.length === 0) return;
    const version = this.#dice.pick(tagged);
    const tags = { again: String(++this.#count) };
    await this.#bucket.tags.object(key, { versionId: version.id }).set(tags);
    versions[versions.indexOf(version)] = { ...version, tags };
  }

  async transact(key: string, other: string): Promise<void> {
    const body = this.#body();
    await this.#store.transaction(async (tx) => {
      const docs = tx.bucket(this.#bucket.name);
      await docs.put(key, body);
      if (other !== key) docs.remove(other);
    });
    this.model.add(key, this.#written(await found(this.#bucket.head(key)), body));
    if (other === key) return;
    if (this.model.state === 'Unversioned') return void this.model.keys.delete(other);
    const [marker] = await this.#bucket.versioning.list(other, { limit: 1 }).toArray();
    const { versionId: id = '', lastModified } = marker as StoredObject;
    this.model.add(other, { id, body: null, modified: lastModified.getTime(), tags: {} });
  }

  async upload(key: string): Promise<void> {
    const upload = await this.#bucket.upload(key);
    const body = this.#body();
    await upload.part(1, body);
    this.model.add(key, this.#written(await upload.complete(), body));
  }

  /** Every way of reading gives what the model has. */
  async compare(t: ExecutionContext): Promise<void> {
    const bucket = this.#bucket;
    const { model } = this;
    const lines = model.lines();
    for (const limit of [1, 3, undefined]) {
      const seen: string[] = [];
      let cursor: string | undefined;
      do {
        const pages = bucket.list({ versions: true, limit, cursor }).pages();
        for await (const page of pages) {
          seen.push(...page.objects.map(line));
          cursor = page.cursor;
        }
      } while (limit !== undefined && cursor !== undefined);
      t.deepEqual(seen, lines);
      if (seen.length > 60) break; // One by one they take long.
    }
    const standing = [...model.keys.keys()].filter((key) => model.standing(key) !== null);
    const listed = await bucket.list().toArray();
    t.deepEqual(
      listed.map(({ key }) => key),
      standing.sort((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b))),
    );
    for (const [key, versions] of model.keys) {
      t.is(await text(bucket, key), model.standing(key)?.body ?? null);
      for (const { id, body, tags } of versions) {
        if (body === null) {
          await rejection(t, bucket.get(key, { versionId: id }), 'MethodNotAllowed');
          continue;
        }
        t.is(await text(bucket, key, { versionId: id }), body);
        const head = await found(bucket.head(key, { versionId: id }));
        t.is(head.versionId ?? 'null', id);
        t.deepEqual({ ...head.tags }, tags);
      }
    }
  }

  async compareAt(t: ExecutionContext, moment: number): Promise<void> {
    const at = new Date(moment);
    const expected: string[] = [];
    for (const [key] of this.model.keys) {
      const version = this.model.at(key, moment);
      t.is(await text(this.#bucket, key, { at }), version?.body ?? null);
      if (version !== null) expected.push(`${key} ${version.id}`);
    }
    expected.sort((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)));
    const listed = await this.#bucket.list({ at }).toArray();
    const seen = listed.map(({ key, versionId }) => `${key} ${versionId ?? 'null'}`);
    t.deepEqual(seen.sort(), expected.sort());
  }
}

export const versionsSection: Section = (withStore) => {
  withStore('keeps what is replaced and removed while versioning is enabled', async (t, store) => {
    const docs = await store.createBucket('docs');
    t.is(await docs.versioning.status(), 'Unversioned');
    t.is((await docs.put('a', 'before')).versionId, undefined);
    await docs.versioning.enable();
    t.is(await docs.versioning.status(), 'Enabled');
    t.is((await found(docs.head('a'))).versionId, 'null');
    const one = await docs.put('a', 'one');
    const two = await docs.put('a', 'two');
    t.regex(one.versionId ?? '', /^[0-9a-f]{16}$/);
    t.true((two.versionId ?? '') > (one.versionId ?? ''));
    const { removed } = await docs.remove('a');
    const marker = removed[0]?.versionId ?? '';
    t.deepEqual(removed, [{ key: 'a', versionId: marker, deleteMarker: true }]);
    t.is(await docs.get('a'), null);
    t.false(await docs.has('a'));
    t.deepEqual(await docs.list().toArray(), []);
    t.is(await text(docs, 'a', { versionId: one.versionId }), 'one');
    t.is(await text(docs, 'a', { versionId: 'null' }), 'before');
    t.deepEqual((await docs.versioning.list().toArray()).map(line), [
      `a ${marker} latest marker`,
      `a ${two.versionId} older 3`,
      `a ${one.versionId} older 3`,
      'a null older 6',
    ]);
    const gone = await docs.remove('a', { versionId: marker });
    t.deepEqual(gone.removed, [{ key: 'a', versionId: marker, deleteMarker: true }]);
    t.is(await text(docs, 'a'), 'two');
    t.is((await found(docs.head('a'))).versionId, two.versionId);
    t.is((await found(docs.head('a'))).etag, two.etag);
  });

  withStore('has one null version of a key, a marker included', async (t, store) => {
    const docs = await store.createBucket('docs');
    await docs.put('a', 'null 1');
    await docs.versioning.enable();
    const one = await docs.put('a', 'one');
    await docs.versioning.suspend();
    t.is((await docs.put('a', 'null 2')).versionId, 'null');
    t.deepEqual((await docs.versioning.list().toArray()).map(line), [
      'a null latest 6',
      `a ${one.versionId} older 3`,
    ]);
    t.deepEqual((await docs.remove('a')).removed, [
      { key: 'a', versionId: 'null', deleteMarker: true },
    ]);
    t.deepEqual((await docs.versioning.list().toArray()).map(line), [
      'a null latest marker',
      `a ${one.versionId} older 3`,
    ]);
    await docs.remove('a');
    t.is((await docs.versioning.list().toArray()).length, 2);
    await docs.remove('a', { versionId: 'null' });
    t.is(await text(docs, 'a'), 'one');
    await docs.versioning.enable();
    await docs.versioning.enable();
    t.is(await text(docs, 'a'), 'one');
  });

  withStore('says what is wrong with a version id', async (t, store) => {
    const docs = await store.createBucket('docs');
    await docs.versioning.enable();
    await docs.put('a', 'one');
    await docs.remove('b');
    const [{ versionId: marker } = {}] = await docs.versioning.list('b').toArray();
    const missing = 'f'.repeat(3).padStart(16, '0');
    await rejection(t, docs.get('a', { versionId: missing }), 'NoSuchVersion');
    await rejection(t, docs.head('a', { versionId: 'null' }), 'NoSuchVersion');
    await rejection(t, docs.head('b', { versionId: marker }), 'MethodNotAllowed');
    await rejection(t, docs.copy({ key: 'b', versionId: marker ?? '' }, 'c'), 'NoSuchKey');
    await rejection(t, docs.copy({ key: 'a', versionId: missing }, 'c'), 'NoSuchVersion');
    const tags = docs.tags.object('b', { versionId: marker });
    await rejection(t, tags.set({ a: 'b' }), 'MethodNotAllowed');
    const restore = docs.versioning.restore('b', { versionId: marker ?? '' });
    await rejection(t, restore, 'NoSuchKey');
    for (const versionId of ['', 'x', '0'.repeat(16), 'F'.repeat(16), 'f'.repeat(16), 'NULL']) {
      await rejection(t, docs.get('a', { versionId }), 'InvalidArgument', versionId);
      await rejection(t, docs.remove('a', { versionId }), 'InvalidArgument', versionId);
    }
    await t.throwsAsync(docs.get('a', { versionId: 7 as never }), { instanceOf: TypeError });
    const both = { versionId: missing, at: new Date() };
    await rejection(t, docs.get('a', both), 'InvalidArgument');
    await rejection(t, docs.remove(['a'], { versionId: missing }), 'InvalidArgument');
    const nothing = await docs.remove('a', { versionId: missing });
    t.deepEqual(nothing.removed, [{ key: 'a', versionId: missing }]);
    t.is(await text(docs, 'a'), 'one');
    const lists = [
      { versions: true, reverse: true },
      { at: new Date(), reverse: true },
      { versions: true, at: new Date() },
      { startAfterVersion: missing },
      { versions: true, startAfterVersion: missing },
      { at: new Date(Number.NaN) },
    ];
    for (const options of lists)
      await rejection(t, docs.list(options).toArray(), 'InvalidArgument', JSON.stringify(options));
  });

  withStore('goes on within a key, behind a version', async (t, store) => {
    const docs = await store.createBucket('docs');
    await docs.put('a', 'null');
    await docs.versioning.enable();
    for (const key of ['a', 'b/1', 'b/2', 'a', 'a', 'b/1']) await docs.put(key, 'x');
    const lines = (await docs.versioning.list().toArray()).map(line);
    t.is(lines.length, 7);
    for (const [i, each] of lines.entries()) {
      const [startAfter, startAfterVersion] = each.split(' ');
      const rest = docs.versioning.list(undefined, { startAfter, startAfterVersion });
      t.deepEqual((await rest.toArray()).map(line), lines.slice(i + 1));
    }
    const behind = await docs.versioning.list(undefined, { startAfter: 'a' }).toArray();
    t.deepEqual(behind.map(line), lines.slice(4));
    const slash = docs.versioning.list(undefined, { delimiter: '/' });
    t.deepEqual(await all(slash.prefixes()), ['b/']);
    t.deepEqual((await slash.toArray()).map(line), lines.slice(0, 4));
    const page = await docs.versioning
      .list('a', { limit: 1 })
      .pages()
      [Symbol.asyncIterator]()
      .next();
    const { cursor } = page.value as { cursor?: string };
    t.is((await docs.versioning.list('a', { cursor }).toArray()).length, 3);
    await rejection(t, docs.versioning.list('b/1', { cursor }).toArray(), 'InvalidArgument');
    const within = await docs.versioning.list('b/1').toArray();
    t.deepEqual(within.map(line), lines.slice(4, 6));
    t.deepEqual(await docs.versioning.list('b').toArray(), []);
  });

  withStore('is no empty bucket while versions or markers are left', async (t, store) => {
    const docs = await store.createBucket('docs');
    await docs.versioning.enable();
    const { versionId } = await docs.put('a', 'x'.repeat(300_000));
    await docs.remove('a');
    await rejection(t, docs.delete(), 'BucketNotEmpty');
    await docs.remove('a', { versionId });
    await rejection(t, docs.delete(), 'BucketNotEmpty');
    const [{ versionId: marker } = {}] = await docs.versioning.list().toArray();
    await docs.remove('a', { versionId: marker });
    await docs.put('b', 'x');
    await docs.put('b', 'y');
    await docs.remove('c');
    await docs.delete({ force: true });
    t.false(await docs.exists());
    // The same name again is another bucket.
    await store.createBucket('docs');
    t.is(await docs.versioning.status(), 'Unversioned');
    t.is((await docs.info()).versioning, 'Unversioned');
    await store.createBucket('docs', { ifNotExists: true, versioning: true });
    t.is(await docs.versioning.status(), 'Unversioned');
    const others = await store.createBucket('others', { versioning: true });
    t.is((await others.info()).versioning, 'Enabled');
    t.regex((await others.put('a', 'one')).versionId ?? '', /^[0-9a-f]{16}$/);
    t.deepEqual(await docs.versioning.list().toArray(), []);
  });

  withStore('appends to the null version, and makes no other', async (t, store) => {
    const docs = await store.createBucket('docs');
    await docs.versioning.enable();
    t.is((await docs.append('log', 'one ')).versionId, 'null');
    t.is((await docs.append('log', 'two')).versionId, 'null');
    t.is((await docs.versioning.list().toArray()).length, 1);
    const put = await docs.put('log', 'a version');
    await rejection(t, docs.append('log', 'three'), 'ObjectNotAppendable');
    t.is(await text(docs, 'log', { versionId: 'null' }), 'one two');
    await docs.remove('log', { versionId: put.versionId });
    t.is((await docs.append('log', ' three')).size, 13);
    await docs.move('log', 'moved');
    await rejection(t, docs.append('moved', 'x'), 'ObjectNotAppendable');
    t.is(await text(docs, 'moved'), 'one two three');
  });

  withStore('tells of markers as events', async (t, store) => {
    const docs = await store.createBucket('docs');
    await docs.versioning.enable();
    const from = await docs.events.last();
    const { versionId } = await docs.put('a', 'one');
    await docs.remove('a');
    await docs.remove('a', { versionId });
    const types: string[] = [];
    for await (const { type } of docs.watch({ from })) {
      types.push(type);
      if (types.length === 3) break;
    }
    t.deepEqual(types, [
      'ObjectCreated:Put',
      'ObjectRemoved:DeleteMarkerCreated',
      'ObjectRemoved:Delete',
    ]);
  });

  withStore('loses no version of puts that meet', async (t, store) => {
    const docs = await store.createBucket('docs');
    await docs.versioning.enable();
    const bodies = Array.from({ length: 40 }, (_, i) => `body ${i}`);
    const puts = await Promise.all(bodies.map((body) => docs.put('a', body)));
    const versions = await docs.versioning.list('a').toArray();
    t.is(versions.length, 40);
    for (const [i, { versionId }] of puts.entries())
      t.is(await text(docs, 'a', { versionId }), bodies[i] ?? null);
    await Promise.all(puts.map(({ versionId }) => docs.remove('a', { versionId })));
    t.deepEqual(await docs.versioning.list('a').toArray(), []);
    t.is(await docs.get('a'), null);
    await docs.versioning.suspend();
    await Promise.all(bodies.map((body, i) => (i % 4 ? docs.put('b', body) : docs.remove('b'))));
    t.is((await docs.versioning.list('b').toArray()).length, 1);
  });

  // The stories: neighbours that went at once left an object that was the newest and did not stand.
  withStore('lets the newest object stand, whatever goes at once', async (t, store) => {
    const dice = new Dice();
    t.log(`SEED=${dice.seed}`);
    const docs = await store.createBucket('docs', { versioning: true });
    const mark = async (key: string) => (await docs.remove(key)).removed[0]?.versionId;
    await docs.put('two markers', 'stands');
    const markers = [await mark('two markers'), await mark('two markers')];
    await Promise.all(markers.map((versionId) => docs.remove('two markers', { versionId })));
    t.is(await text(docs, 'two markers'), 'stands');
    await docs.put('one marker', 'stands');
    const marker = await mark('one marker');
    const { versionId: newer } = await docs.put('one marker', 'goes');
    const both = [marker, newer].map((versionId) => docs.remove('one marker', { versionId }));
    await Promise.all(both);
    t.is(await text(docs, 'one marker'), 'stands');
    for (let round = 0; round < 25; round++) {
      const key = `key-${round}`;
      for (let i = 0; i < 6; i++)
        await (dice.below(2) === 0 ? docs.remove(key) : docs.put(key, `body ${i}`));
      const versions = await docs.versioning.list(key).toArray();
      const going = versions.filter(() => dice.below(2) === 0);
      const calls: Promise<unknown>[] = going.map(({ versionId }) =>
        docs.remove(key, { versionId }),
      );
      if (dice.below(4) === 0) calls.push(docs.put(key, 'beside'));
      await Promise.all(calls);
      const [newest] = await docs.versioning.list(key, { limit: 1 }).toArray();
      const stands = await docs.head(key);
      t.is(stands?.versionId, newest?.isDeleteMarker ? undefined : newest?.versionId, key);
    }
  });

  // The story: what stood again while it was removed lay before the place where the list went on.
  withStore('lists what comes to stand while others are removed', async (t, store) => {
    const docs = await store.createBucket('docs', { versioning: true });
    for (let i = 0; i < 30; i += 10)
      await Promise.all(Array.from({ length: 10 }, (_, j) => docs.put('a', `body ${i + j}`)));
    let startAfterVersion: string | undefined;
    let removed = 0;
    for (;;) {
      const options = startAfterVersion === undefined ? {} : { startAfter: 'a', startAfterVersion };
      const page = await docs.versioning.list('a', { ...options, limit: 4 }).toArray();
      for (const { versionId } of page) {
        await docs.remove('a', { versionId });
        removed++;
        startAfterVersion = versionId;
      }
      if (page.length === 0) break;
    }
    t.is(removed, 30);
    t.deepEqual(await docs.versioning.list('a').toArray(), []);
  });

  const looking = new Clock();
  // The story: what was looked for came to stand between two looks, and an older one was taken.
  withStore(
    'finds what stood at a moment while it comes to stand',
    async (t, store) => {
      const docs = await store.createBucket('docs', { versioning: true });
      for (let round = 0; round < 120; round++) {
        const key = `key-${round}`;
        await docs.put(key, 'older');
        await docs.put(key, 'then');
        const at = new Date(looking.time);
        const marker = (await docs.remove(key)).removed[0]?.versionId;
        const pause = async () => {
          for (let i = 0; i < round % 60; i++) await Promise.resolve();
          return text(docs, key, { at });
        };
        const [seen] = await Promise.all([pause(), docs.remove(key, { versionId: marker })]);
        t.is(seen, 'then', `round ${round}`);
      }
    },
    { clock: looking.clock },
  );

  withStore('keeps the source of a move that meets enable()', async (t, store) => {
    for (let round = 0; round < 20; round++) {
      const docs = await store.createBucket(`docs-${round}`);
      await docs.put('a', 'body');
      await Promise.all([docs.move('a', 'b'), docs.versioning.enable()]);
      const numbered = (await found(docs.head('b'))).versionId !== 'null';
      // Before: the key is free. After: it has a marker, and the object behind it.
      const left = await docs.versioning.list('a').toArray();
      t.is(left.length, numbered ? 2 : 0, `round ${round}`);
    }
  });

  withStore('restores nothing once versions are suspended', async (t, store) => {
    const docs = await store.createBucket('docs');
    const before = new Date(0);
    const keys = Array.from({ length: 150 }, (_, i) => `key-${i}`);
    await Promise.all(keys.map((key) => docs.put(key, key)));
    await docs.versioning.enable();
    let suspended: Promise<void> | undefined;
    const restore = docs.versioning.restoreAll({
      at: before,
      onProgress: () => {
        suspended ??= docs.versioning.suspend();
      },
    });
    await rejection(t, restore, 'InvalidArgument');
    await suspended;
    for (const key of keys) t.is(await text(docs, key, { versionId: 'null' }), key);
    const state = async () => (await docs.versioning.list().toArray()).length;
    const settled = await state();
    await new Promise((resolve) => setTimeout(resolve, 50));
    t.is(await state(), settled);
  });

  withStore('settles once what grew by appends is restored', async (t, store) => {
    const docs = await store.createBucket('docs', { versioning: true });
    await docs.append('log', 'one');
    const at = new Date();
    await new Promise((resolve) => setTimeout(resolve, 2));
    await docs.remove('log');
    const first = await docs.versioning.restoreAll({ at });
    t.deepEqual([first.restored, first.deleted], [1, 0]);
    t.is(await text(docs, 'log'), 'one');
    t.is((await docs.versioning.restoreAll({ at })).restored, 0);
  });

  withStore('does not append over an older object while versions are kept', async (t, store) => {
    const docs = await store.createBucket('docs');
    await docs.put('a', 'precious');
    await docs.versioning.enable();
    await docs.remove('a');
    await rejection(t, docs.append('a', 'x'), 'ObjectNotAppendable');
    t.is(await text(docs, 'a', { versionId: 'null' }), 'precious');
  });

  // What stands again is decided before the commit: nobody must come in between.
  withStore('never shows an older object over a newer marker', async (t, store) => {
    const docs = await store.createBucket('docs');
    await docs.versioning.enable();
    for (let round = 0; round < 12; round++) {
      await docs.put('a', `body ${round}`);
      const first = (await docs.remove('a')).removed[0]?.versionId;
      await Promise.all([
        docs.remove('a', { versionId: first }),
        docs.remove('a'),
        docs.remove('a', { versionId: first }),
      ]);
      const [latest] = await docs.versioning.list('a', { limit: 1 }).toArray();
      t.true(latest?.isDeleteMarker);
      t.is(await docs.get('a'), null);
    }
  });

  const restoring = new Clock();
  withStore(
    'brings a prefix back to a moment, and destroys nothing',
    async (t, store) => {
      const dice = new Dice();
      t.log(`SEED=${dice.seed}`);
      const docs = await store.createBucket('docs');
      await docs.versioning.enable();
      const keys = ['x/a', 'x/b', 'x/c', 'x/d', 'y'];
      const put = (key: string) => docs.put(key, `body ${restoring.time}`);
      const state = async (options = {}) =>
        (await Promise.all(
          keys.map(async (key) => `${key}: ${await text(docs, key, options)}`),
        )) as string[];
      const moments: { at: Date; stood: string[] }[] = [];
      for (let i = 0; i < 40; i++) {
        await (dice.below(3) === 0 ? docs.remove(dice.pick(keys)) : put(dice.pick(keys)));
        const at = new Date(restoring.time);
        moments.push({ at, stood: await state() });
      }
      for (let i = 0; i < 4; i++) {
        const { at, stood } = dice.pick(moments);
        const before = (await docs.versioning.list().toArray()).map((each) => each.versionId);
        const outside = await text(docs, 'y');
        const options = { prefix: 'x/', at };
        const plan = await docs.versioning.restoreAll({ ...options, dryRun: true });
        t.is((await docs.versioning.list().toArray()).length, before.length);
        t.deepEqual(await docs.versioning.restoreAll(options), plan);
        t.deepEqual(await state(), [...stood.slice(0, 4), `y: ${outside}`]);
        const after = (await docs.versioning.list().toArray()).map((each) => each.versionId);
        for (const id of before) t.true(after.includes(id));
        t.is(after.length, before.length + plan.restored + plan.deleted);
        const again = await docs.versioning.restoreAll(options);
        t.deepEqual([again.restored + again.deleted, again.actions.length], [0, 0]);
      }
      await docs.versioning.suspend();
      const { at } = moments[0] as { at: Date };
      await rejection(t, docs.versioning.restoreAll({ at }), 'InvalidArgument');
      await t.throwsAsync(docs.versioning.restoreAll({} as never), { instanceOf: TypeError });
    },
    { clock: restoring.clock },
  );

  const clock = new Clock();
  withStore(
    'does what a list of versions for each key does, whatever is asked',
    async (t, store) => {
      const dice = new Dice();
      t.log(`SEED=${dice.seed}`);
      const docs = await store.createBucket('docs');
      const walk = new Walk(store, docs, dice);
      const keys = ['a', 'a/b', 'b', 'ä', 'b/c'];
      const moments: number[] = [];
      for (let i = 0; i < 240; i++) {
        if (i === 30) {
          await docs.versioning.enable();
          walk.model.state = 'Enabled';
        } else if (i > 60 && dice.below(25) === 0) {
          const suspend = walk.model.state === 'Enabled';
          await (suspend ? docs.versioning.suspend() : docs.versioning.enable());
          walk.model.state = suspend ? 'Suspended' : 'Enabled';
        }
        await walk.step(dice.pick(keys), dice.pick(keys));
        if (i % 60 === 29) await walk.compare(t);
        moments.push(clock.time);
      }
      for (let i = 0; i < 6; i++) await walk.compareAt(t, dice.pick(moments));
    },
    { clock: clock.clock },
  );
};
