// How fast is a zone whole again that was away while everything was written?
import { randomBytes } from 'node:crypto';
import { cp, mkdir, readdir, rename, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { open, type Store } from 'strongroom';
import { Bodies } from './rig/bodies.ts';
import { removeTree, requireSpace, syncTree } from './rig/disk.ts';
import { keepInFlight, timed } from './rig/flight.ts';
import type { Answer, Question, Stand } from './rig/question.ts';
import { alternate } from './rig/rounds.ts';

export const catchUp: Question = {
  name: 'catch-up',
  asks: 'a zone that lacks all, from its return until it is whole, over a copy of the same bytes',
  better: 'higher',
  unit: 'x',
  goal: 0.5,
  measures: 'bytes/s',
  measure,
};

const bucketName = 'bench';

async function measure(stand: Stand): Promise<Answer> {
  const shape = stand.quick ? { large: 4, small: 500 } : { large: 32, small: 20_000 };
  await requireSpace(stand.place, stand.quick ? 2 ** 28 : 12 * 2 ** 30);
  const stored = await Stored.create(join(stand.place, 'data'), shape);
  // The first return is no round: afterwards everything to copy is in the page cache, for both.
  await stored.catchUp();
  const compared = await alternate(stand, stand.quick ? 1 : 5, {
    ours: () => stored.catchUp(),
    floor: (round) => stored.copy(join(stand.place, `copy-${round}`)),
    restMs: 500,
  });
  return { ...compared, peers: {} };
}

class Stored {
  readonly #path: string;
  readonly #rootKey: Buffer;

  /** Everything is written while zone 3 is away. */
  static async create(path: string, shape: { large: number; small: number }): Promise<Stored> {
    const stored = new Stored(path, randomBytes(32));
    await (await stored.#open()).close();
    await rename(stored.#zone, stored.#empty);
    const store = await stored.#open();
    const bucket = await store.createBucket(bucketName);
    const [large, small] = [new Bodies(32 * 2 ** 20), new Bodies(4096)];
    for (let n = 0; n < shape.large; n++) await bucket.put(`large/${n}`, large.body(n));
    let n = 0;
    await keepInFlight(64, () =>
      n < shape.small ? bucket.put(`small/${n}`, small.body(n++)) : null,
    );
    await store.close();
    return stored;
  }

  private constructor(path: string, rootKey: Buffer) {
    this.#path = path;
    this.#rootKey = rootKey;
  }

  /** Bytes of the zone's log and cells per second. */
  async catchUp(): Promise<number> {
    await removeTree(this.#zone);
    const store = await this.#open();
    try {
      const made = join(this.#path, 'returning');
      await cp(this.#empty, made, { recursive: true });
      await syncTree(made);
      const seconds = await timed(async () => {
        await rename(made, this.#zone);
        while (!(await store.health.status()).ok) await sleep(20);
      });
      return (await sizeOf(this.#kept)) / seconds;
    } finally {
      await store.close();
    }
  }

  /** Of the same bytes, and as durable. */
  async copy(to: string): Promise<number> {
    const bytes = await sizeOf(this.#kept);
    await mkdir(to);
    const seconds = await timed(async () => {
      for (const folder of this.#kept)
        await cp(folder, join(to, folder.slice(-4)), { recursive: true });
      await syncTree(to);
    });
    await removeTree(to);
    return bytes / seconds;
  }

  get #zone(): string {
    return join(this.#path, 'zone-3');
  }
  /** Zone 3 as it was when the store was made. */
  get #empty(): string {
    return join(this.#path, 'zone-3-empty');
  }
  get #kept(): string[] {
    return [join(this.#zone, 'log'), join(this.#zone, 'blob')];
  }

  /** open() overwrites the key that it is given. */
  #open(): Promise<Store> {
    return open(this.#path, { zones: 3, rootKey: Buffer.from(this.#rootKey) });
  }
}

async function sizeOf(folders: readonly string[]): Promise<number> {
  let size = 0;
  for (const folder of folders)
    for (const entry of await readdir(folder, { recursive: true, withFileTypes: true }))
      if (entry.isFile()) size += (await stat(join(entry.parentPath, entry.name))).size;
  return size;
}
