// What an engine promises of rows that stay beside the one that stands.
import type { ExecutionContext } from 'ava';
import {
  objectRows,
  objectTextFrom,
  ownObjectRowKey,
  versionRowKey,
  versionSize,
} from '../../lib/engine/row-key.ts';
import type {
  Effect,
  KeyHandle,
  RowKey,
  ScanRequest,
  StorageEngine,
} from '../../lib/engine/storage-engine.ts';
import { Dice, rejection, type WithEngine } from './support.ts';

const bucketId = Buffer.from('bucketid');
const standing = (text: string): RowKey => ownObjectRowKey(bucketId, text);
const kept = (text: string, version: number): RowKey => versionRowKey(bucketId, text, version);

/** A row as this suite knows it. */
interface Known {
  readonly version: number;
  readonly revision: number;
  readonly said: string;
  readonly bytes: string | null;
}
/** Of one text: what stands, and what is kept, the newest first. */
interface History {
  standing: Known | null;
  older: Known[];
}

/** The rules again, over a Map, each change as the engine is asked for it. */
class Model {
  readonly histories = new Map<string, History>();
  readonly #engine: StorageEngine;
  readonly #kek: KeyHandle;
  #count = 0;

  constructor(engine: StorageEngine) {
    this.#engine = engine;
    this.#kek = engine.createKey(Buffer.from('context')).kek;
  }

  of(text: string): History {
    const known = this.histories.get(text) ?? { standing: null, older: [] };
    this.histories.set(text, known);
    return known;
  }

  put(text: string, keepOld: boolean): { effect: Effect; apply: (revision: number) => void } {
    const said = `${text} ${++this.#count}`;
    const bytes = `bytes of ${said}`;
    const body = Buffer.from(said);
    const blob = { bytes: Buffer.from(bytes), kek: this.#kek };
    const effect = { key: standing(text), modified: 7, body, blob, keepOld };
    const apply = (revision: number): void => {
      const history = this.of(text);
      if (keepOld && history.standing) history.older.unshift(history.standing);
      history.standing = { version: revision, revision, said, bytes };
    };
    return { effect, apply };
  }

  async mark(text: string): Promise<void> {
    const body = Buffer.from('marker');
    const { revision } = await this.#engine.commit({
      effects: [
        { key: standing(text), delete: true, keepOld: true },
        { key: kept(text, 0), versioned: true, modified: 7, body },
      ],
    });
    const history = this.of(text);
    if (history.standing) history.older.unshift(history.standing);
    history.standing = null;
    history.older.unshift({ version: revision, revision, said: 'marker', bytes: null });
  }

  async rewrite(text: string, known: Known): Promise<void> {
    const history = this.of(text);
    const key = history.standing === known ? standing(text) : kept(text, known.version);
    const said = `again ${++this.#count}`;
    const { revision } = await this.#engine.commit({
      checks: [{ key, revision: known.revision }],
      effects: [{ key, modified: 8, body: Buffer.from(said), blob: { keep: true } }],
    });
    const changed = { ...known, revision, said };
    if (history.standing === known) history.standing = changed;
    else history.older[history.older.indexOf(known)] = changed;
  }

  /** What stands goes for good; where one with bytes was before it, that stands again. */
  async removeStanding(text: string): Promise<void> {
    const history = this.of(text);
    const [before] = history.older;
    const again = before !== undefined && before.bytes !== null ? before : null;
    const key = standing(text);
    const checks = [{ key, revision: history.standing?.revision ?? null }];
    if (again === null) {
      await this.#engine.commit({ checks, effects: [{ key, delete: true }] });
    } else {
      const from = kept(text, again.version);
      checks.push({ key: from, revision: again.revision });
      await this.#engine.commit({ checks, effects: [{ key, from }] });
      history.older.shift();
    }
    history.standing = again;
  }

  async removeOlder(text: string, known: Known): Promise<void> {
    const effects = [{ key: kept(text, known.version), delete: true } as const];
    await this.#engine.commit({ effects });
    const { older } = this.of(text);
    older.splice(older.indexOf(known), 1);
  }

  /** Every row is where it belongs, with its bytes. */
  async compare(t: ExecutionContext): Promise<void> {
    for (const [text, { standing: stands, older }] of this.histories) {
      const rows: [RowKey, Known | null][] = older.map((each) => [kept(text, each.version), each]);
      rows.push([standing(text), stands]);
      for (const [key, known] of rows) {
        const found = await this.#engine.get({ key, open: { kek: this.#kek } });
        if (known === null) {
          t.is(found, null);
          continue;
        }
        const { version, revision, body } = found?.row ?? {};
        const bytes = found?.bytes === undefined ? null : Buffer.from(found.bytes).toString();
        const said = Buffer.from(body ?? []).toString();
        t.deepEqual({ version, revision, said, bytes } as Known, known);
      }
    }
  }

  /** As a scan of versions shows them; the text alone where it is a common prefix. */
  shown(slash: boolean): string[] {
    const lines: string[] = [];
    const sorted = [...this.histories].sort(([a], [b]) =>
      Buffer.compare(Buffer.from(a), Buffer.from(b)),
    );
    for (const [text, { standing: stands, older }] of sorted) {
      const all = [...(stands ? [stands] : []), ...older];
      const at = text.indexOf('/');
      if (slash && at >= 0 && all.length > 0) {
        const prefix = `${text.slice(0, at + 1)}*`;
        if (lines.at(-1) !== prefix) lines.push(prefix);
      } else {
        lines.push(...all.map(({ version, said }) => `${text} ${version} ${said}`));
      }
    }
    return lines;
  }
}

async function scanned(
  engine: StorageEngine,
  options: Partial<ScanRequest>,
  limit: number,
): Promise<string[]> {
  const base = { ...objectRows(bucketId, ''), textFrom: objectTextFrom, versionSize };
  const lines: string[] = [];
  for (let start: RowKey | null = base.start; start !== null; ) {
    const page = await engine.scan({ ...base, start, limit, versions: true, ...options });
    for (let i = 0; i < page.count; i++)
      lines.push(
        page.isPrefix(i)
          ? `${page.text(i)}*`
          : `${page.text(i)} ${page.version(i)} ${Buffer.from(page.body(i))}`,
      );
    start = page.resume === null ? null : Uint8Array.from(page.resume);
  }
  return lines;
}

export function engineVersionsSection(withEngine: WithEngine): void {
  withEngine('keeps versions through every change, as a Map does', async (t, engine) => {
    const dice = new Dice();
    t.log(`SEED=${dice.seed}`);
    const model = new Model(engine);
    const names = ['a', 'a/b', 'a/c/d', 'b', 'b/', 'c', 'ä', 'c\u0001'];
    for (let step = 0; step < 300; step++) {
      const text = dice.pick(names);
      const { standing: stands, older } = model.of(text);
      const way = dice.below(10);
      const any = stands ? [stands, ...older] : older;
      if (way === 0) await model.mark(text);
      else if (way === 1 && any.length > 0) {
        const known = dice.pick(any);
        if (known.bytes !== null) await model.rewrite(text, known);
      } else if (way === 2 && stands) await model.removeStanding(text);
      else if (way === 3 && older.length > 0) await model.removeOlder(text, dice.pick(older));
      else if (way < 6) {
        // Many at once: they meet in few batches, and each must see the one before.
        const puts = Array.from({ length: 1 + dice.below(6) }, () =>
          model.put(dice.pick(names), dice.below(5) > 0),
        );
        const done = await Promise.all(
          puts.map(async ({ effect, apply }) => {
            const { revision } = await engine.commit({ effects: [effect] });
            return { revision, apply };
          }),
        );
        done.sort((a, b) => a.revision - b.revision);
        for (const { revision, apply } of done) apply(revision);
      } else {
        const { effect, apply } = model.put(text, way !== 9);
        apply((await engine.commit({ effects: [effect] })).revision);
      }
    }
    await model.compare(t);
    const slash = { delimiter: Buffer.from('/'), groupFrom: objectTextFrom };
    for (const limit of [1, 2, 7, 1000]) {
      t.deepEqual(await scanned(engine, {}, limit), model.shown(false));
      t.deepEqual(await scanned(engine, slash, limit), model.shown(true));
    }
    // A list of what stands meets nothing else.
    const page = await engine.scan({
      ...objectRows(bucketId, ''),
      textFrom: objectTextFrom,
      limit: 100,
    });
    t.is(page.count, [...model.histories.values()].filter(({ standing: s }) => s !== null).length);
  });

  withEngine('begins a scan of versions in the middle of a key', async (t, engine) => {
    const model = new Model(engine);
    for (const text of ['a', 'b', 'a', 'b', 'a', 'a', 'a/']) {
      const { effect, apply } = model.put(text, true);
      apply((await engine.commit({ effects: [effect] })).revision);
    }
    const all = await scanned(engine, {}, 1000);
    t.deepEqual(all, model.shown(false));
    const { standing: stands, older } = model.of('a');
    const behind = [...(stands ? [stands] : []), ...older].map(({ version }) => {
      const shown = Buffer.from(kept('a', version));
      shown[0] = 0x6f;
      return Buffer.concat([shown, Buffer.of(0)]);
    });
    for (const [i, start] of behind.entries()) {
      const page = await engine.scan({
        ...objectRows(bucketId, ''),
        start,
        textFrom: objectTextFrom,
        versionSize,
        versions: true,
        limit: 100,
      });
      t.is(page.count, all.length - i - 1);
    }
  });

  withEngine('refuses versions of what has none', async (t, engine) => {
    const { kek } = engine.createKey(Buffer.from('context'));
    const blob = { bytes: Buffer.from('x'), kek };
    const common = { modified: 7, body: Buffer.from('x') };
    const model = new Model(engine);
    const { effect, apply } = model.put('a', true);
    const { revision } = await engine.commit({ effects: [effect] });
    apply(revision);
    const second = model.put('a', true);
    second.apply((await engine.commit({ effects: [second.effect] })).revision);
    const from = kept('a', revision);
    const wrong: Effect[][] = [
      [{ ...common, key: Buffer.from('row'), blob, keepOld: true }],
      [{ ...common, key: kept('a', 9), blob, keepOld: true }],
      [{ ...common, key: kept('a', 9), blob }],
      [{ ...common, key: standing('a'), blob: { keep: true }, keepOld: true }],
      [{ key: Buffer.from('row'), delete: true, keepOld: true }],
      [{ ...common, key: standing('a'), versioned: true }],
      [{ key: standing('b'), from }],
      [{ key: kept('a', 9), from }],
      [{ key: standing('a'), from: standing('a') }],
      // It would be moved and removed.
      [
        { key: standing('a'), from },
        { key: from, delete: true },
      ],
    ];
    for (const effects of wrong) await rejection(t, engine.commit({ effects }), 'InvalidArgument');
    const missing = { key: standing('a'), from: kept('a', revision + 1000) };
    await rejection(t, engine.commit({ effects: [missing] }), 'PreconditionFailed');
    await model.compare(t);
    const bounds = { ...objectRows(bucketId, ''), textFrom: objectTextFrom, limit: 10 };
    for (const request of [
      { versions: true },
      { versions: true, versionSize: 7 },
      { versions: true, versionSize, reverse: true },
    ])
      await rejection(t, engine.scan({ ...bounds, ...request }), 'InvalidArgument');
  });
}
