// A store whose zone 3 is away, comes back empty, and is whole again, as often as is asked for.
//
//   away --its empty folder is put back--> records --it is in the set--> cells --> whole
import { randomBytes } from 'node:crypto';
import { cp, rename } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { type Bucket, open, type Store } from 'strongroom';
import { removeTree, syncTree } from './disk.ts';
import { type Look, lookAt, type Stage, type UnderWay } from './under-way.ts';

const number = 3;
const bucketName = 'bench';
const order: readonly Stage[] = ['away', 'records', 'cells', 'whole'];

export class ReturningZone implements AsyncDisposable {
  readonly #path: string;
  readonly #bytesPerSecond: number;
  readonly #rootKey = randomBytes(32);
  #store!: Store;
  #whyAway: string | undefined;

  /** The zone is away. `bytesPerSecond` is the scrub's. */
  static async create(path: string, bytesPerSecond: number): Promise<ReturningZone> {
    const made = new ReturningZone(path, bytesPerSecond);
    await (await made.#open()).close();
    await rename(made.#zone, made.#empty);
    await made.#openWithout();
    return made;
  }

  private constructor(path: string, bytesPerSecond: number) {
    this.#path = path;
    this.#bytesPerSecond = bytesPerSecond;
  }

  /** Another one after each time that the zone is taken away. */
  get bucket(): Bucket {
    return this.#store.bucket(bucketName);
  }

  async look(): Promise<Look> {
    return lookAt(await this.#store.health.status(), number, this.#whyAway);
  }

  /** Returns when this goes on and nothing else; the zone is taken away again where it must. */
  async enter({ stage, scrub }: UnderWay): Promise<void> {
    while ((await this.look()).stage !== stage) await this.#advance(stage);
    const { scrub: running } = await this.look();
    if (running !== null && !scrub) await this.#store.health.scrub('pause');
    if (running !== null || !scrub) return;
    await this.#store.health.scrub({ bytesPerSecond: this.#bytesPerSecond });
    while ((await this.look()).scrub?.checkedBytes === 0) await sleep(5);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#store.close();
  }

  async #advance(wanted: Stage): Promise<void> {
    const { stage } = await this.look();
    const isPast = order.indexOf(stage) > order.indexOf(wanted);
    // One that has been away for long is looked for less and less often: so it is away anew.
    if (stage === 'idle' || stage === 'away' || isPast) await this.#takeAway();
    if (wanted === 'away') return;
    if ((await this.look()).stage === 'away') await this.#putBack();
    for (;;) {
      const now = (await this.look()).stage;
      if (now === 'idle' || order.indexOf(now) >= order.indexOf(wanted)) return;
      await sleep(5);
    }
  }

  async #takeAway(): Promise<void> {
    await this.#store.close();
    await removeTree(this.#zone);
    await this.#openWithout();
  }

  async #putBack(): Promise<void> {
    const made = join(this.#path, 'returning');
    await cp(this.#empty, made, { recursive: true });
    await syncTree(made);
    await rename(made, this.#zone);
  }

  async #openWithout(): Promise<void> {
    this.#store = await this.#open();
    const { zones } = await this.#store.health.status();
    this.#whyAway = zones[number - 1]?.reason;
  }

  /** open() overwrites the key that it is given. */
  #open(): Promise<Store> {
    return open(this.#path, { zones: 3, rootKey: Buffer.from(this.#rootKey) });
  }

  get #zone(): string {
    return join(this.#path, `zone-${number}`);
  }
  /** The zone as it was when the store was made. */
  get #empty(): string {
    return join(this.#path, `zone-${number}-empty`);
  }
}
