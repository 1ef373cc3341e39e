// Random sequences of every verb on objects, conditions, tags, checksums, symlinks and transactions
// among them, against a Map. A failure prints its seed; SEED=n repeats it.
import { createHash, randomBytes } from 'node:crypto';
import type { ExecutionContext } from 'ava';
import type { Bucket, ErrorCode, PutOptions, TransactionBucket } from '../../lib/index.ts';
import { StoreError } from '../../lib/index.ts';
import { Dice, type Section } from './support.ts';

const steps = 250;

interface Entry {
  readonly bytes: Buffer;
  readonly target?: string;
  readonly tags: Record<string, string>;
  etag: string;
}
type Change = (objects: Map<string, Entry>) => void;

class Model {
  readonly #t: ExecutionContext;
  readonly #dice: Dice;
  readonly #bucket: Bucket;
  #objects = new Map<string, Entry>();
  readonly #done: string[] = [];

  constructor(t: ExecutionContext, dice: Dice, bucket: Bucket) {
    this.#t = t;
    this.#dice = dice;
    this.#bucket = bucket;
  }

  async run(): Promise<void> {
    try {
      for (let i = 0; i < steps; i++) {
        await this.#step();
        if (i % 10 === 0) await this.#compare();
      }
      await this.#compare();
    } catch (error) {
      this.#t.log(`SEED=${this.#dice.seed}`, ...this.#done.slice(-20));
      throw error;
    }
  }

  async #step(): Promise<void> {
    const key = this.#key();
    const verb = this.#dice.pick([
      'put',
      'put',
      'remove',
      'many',
      'symlink',
      'tag',
      'transact',
      'get',
    ] as const);
    this.#done.push(`${verb} ${key}`);
    if (verb === 'put') return this.#put(key);
    if (verb === 'remove') return this.#remove(key);
    if (verb === 'many') return this.#removeMany([key, this.#key(), '/', key]);
    if (verb === 'symlink') return this.#symlink(key);
    if (verb === 'tag') return this.#tag(key);
    return verb === 'transact' ? this.#transact() : this.#get(key);
  }

  async #put(key: string): Promise<void> {
    const bytes = this.#bytes();
    const [onlyIf, refusal] = this.#condition(key);
    const { options, broken } = this.#options(bytes);
    const expected = broken ?? refusal;
    const put = this.#bucket.put(key, bytes, { ...options, onlyIf });
    // Which of two refusals comes first is not promised.
    if (expected !== null) return this.#refused(put, [broken, refusal]);
    const { etag } = await put;
    this.#objects.set(key, { bytes, tags: options.tags ?? {}, etag });
  }

  async #symlink(key: string): Promise<void> {
    const target = this.#key();
    const [onlyIf, refusal] = this.#condition(key);
    const link = this.#bucket.symlink(key, target, { onlyIf });
    if (refusal !== null) return this.#refused(link, [refusal]);
    const { etag } = await link;
    this.#objects.set(key, { bytes: Buffer.alloc(0), target, tags: {}, etag });
  }

  async #tag(key: string): Promise<void> {
    const entry = this.#objects.get(key);
    const tags: Record<string, string> = this.#dice.below(3) ? { tagged: key } : {};
    const tagging = this.#bucket.tags.object(key).set(tags);
    if (entry === undefined) return this.#refused(tagging, ['NoSuchKey']);
    await tagging;
    // A copy: the model before a transaction shares its entries with the one behind it.
    this.#objects.set(key, { ...entry, tags });
  }

  async #remove(key: string): Promise<void> {
    const entry = this.#objects.get(key);
    const etag = this.#dice.pick([undefined, entry?.etag, '"other"']);
    const removing = this.#bucket.remove(key, etag === undefined ? {} : { onlyIf: { etag } });
    if (etag !== undefined && etag !== entry?.etag)
      return this.#refused(removing, ['PreconditionFailed']);
    await removing;
    this.#objects.delete(key);
  }

  async #removeMany(keys: string[]): Promise<void> {
    const { removed, errors } = await this.#bucket.remove(keys);
    const good = keys.filter((key) => key !== '/').map((key) => ({ key }));
    this.#t.deepEqual(removed, good);
    this.#t.deepEqual(
      errors.map(({ key, error }) => [key, error.code]),
      [['/', 'InvalidObjectName']],
    );
    for (const key of keys) this.#objects.delete(key);
  }

  /** Applied to a copy, which becomes the model when the commit stands. */
  async #transact(): Promise<void> {
    const after = new Map(this.#objects);
    const fails = this.#dice.below(3) === 0;
    const running = this.#bucket.store.transaction(async (tx) => {
      const docs = tx.bucket(this.#bucket.name);
      const changes = Array.from({ length: 1 + this.#dice.below(6) }, () => this.#change(docs));
      for (const change of await Promise.all(changes)) change(after);
      if (fails) docs.require('key-0', { etag: 'none' });
    });
    if (fails) return this.#refused(running, ['PreconditionFailed']);
    await running;
    // A transaction says nothing of the ETags it made.
    for (const [key, entry] of after)
      if (entry.etag === '') entry.etag = (await this.#bucket.head(key))?.etag ?? '';
    this.#objects = after;
  }

  async #change(docs: TransactionBucket): Promise<Change> {
    const key = this.#key();
    if (this.#dice.below(3) === 0) {
      docs.remove(key);
      return (objects) => objects.delete(key);
    }
    const bytes = this.#bytes();
    const tags = { n: `${this.#dice.below(100)}` };
    await docs.put(key, bytes, { tags });
    return (objects) => objects.set(key, { bytes, tags, etag: '' });
  }

  async #get(key: string): Promise<void> {
    const entry = this.#objects.get(key);
    const end = entry?.target === undefined ? entry : this.#objects.get(entry.target);
    const getting = this.#bucket.get(key);
    if (entry === undefined) {
      this.#t.is(await getting, null);
      return;
    }
    if (end === undefined) return this.#refused(getting, ['SymlinkTargetNotExist']);
    if (entry.target !== undefined && end.target !== undefined)
      return this.#refused(getting, ['InvalidTargetType']);
    const body = await getting;
    this.#t.is(body?.etag, end.etag);
    this.#t.is(body?.symlinkTarget, entry.target);
    this.#t.true(end.bytes.equals((await body?.bytes()) ?? randomBytes(1)));
  }

  async #compare(): Promise<void> {
    const listed = await this.#bucket.list().toArray();
    const facts = listed.map((object) => [
      object.key,
      object.etag,
      object.size,
      object.symlinkTarget,
      { ...object.tags },
    ]);
    const expected = [...this.#objects]
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([key, entry]) => [key, entry.etag, entry.bytes.length, entry.target, entry.tags]);
    this.#t.deepEqual(facts, expected);
  }

  /** A condition on the key, and why it does not hold. */
  #condition(key: string): [PutOptions['onlyIf'], ErrorCode | null] {
    const entry = this.#objects.get(key);
    const etag = entry?.etag ?? '"none"';
    const unmet = entry === undefined ? 'PreconditionFailed' : null;
    switch (this.#dice.below(6)) {
      case 0:
        return [{ absent: true }, entry === undefined ? null : 'FileAlreadyExists'];
      case 1:
        return [{ etag }, unmet];
      case 2:
        return [new Headers({ 'If-Match': `"other", ${etag}` }), unmet];
      case 3:
        return [
          new Headers({ 'If-None-Match': etag }),
          unmet === null ? 'PreconditionFailed' : null,
        ];
      default:
        return [undefined, null];
    }
  }

  #options(bytes: Buffer): { options: PutOptions; broken: ErrorCode | null } {
    const tags = { n: `${this.#dice.below(100)}` };
    const md5 = createHash('md5').update(bytes).digest('base64');
    switch (this.#dice.below(5)) {
      case 0:
        return { options: { tags, checksum: { md5, crc32c: true } }, broken: null };
      case 1:
        return { options: { checksum: { md5: '0'.repeat(32) } }, broken: 'InvalidDigest' };
      case 2:
        return { options: { size: bytes.length + 1 }, broken: 'IncompleteBody' };
      default:
        return { options: { tags }, broken: null };
    }
  }

  async #refused(call: Promise<unknown>, codes: (ErrorCode | null)[]): Promise<void> {
    const error = await this.#t.throwsAsync(call, { instanceOf: StoreError });
    this.#t.true(codes.includes(error.code), error.code);
  }

  #bytes(): Buffer {
    return randomBytes(this.#dice.pick([0, 1, 1000, 70_000, 262_145, 600_000]));
  }

  #key(): string {
    return `key-${this.#dice.below(9)}`;
  }
}

export const verbsSection: Section = (withStore) => {
  withStore('agrees with a Map over random sequences of all verbs', async (t, store) => {
    await store.createBucket('docs');
    const dice = new Dice();
    t.log(`SEED=${dice.seed}`);
    await new Model(t, dice, store.bucket('docs')).run();
  });
};
