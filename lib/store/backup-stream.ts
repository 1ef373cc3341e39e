// A backup as a stream: made in a folder of its own, proven there, then sent as a tar archive.
//
//   zone-1/blob/…  zone-1/index/…  zone-1/log/…  and last of all zone-1/superblock
//
// An archive that was cut short extracts to a zone without a superblock, and open() refuses one.
// A crash leaves the folder; the next streamed backup in the same place removes it.
import { mkdir, mkdtemp, readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { Writable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import type { Interruptible, StoreContext } from '../context/store-context.ts';
import { StoreError } from '../errors.ts';
import { aborted, hear, unhear } from '../options.ts';

/** What is held of a file at a time. */
const pieceBytes = 1 << 20;
const spoolName = /^backup-spool-(\d+)-/;

/** Calls `use` with a new folder below `place`, which is gone when it is over. STORE_IO */
export async function inSpool<T>(place: string, use: (folder: string) => Promise<T>): Promise<T> {
  const folder = await makeSpool(place).catch((error) => {
    throw spoolFailed(place, error);
  });
  try {
    return await use(folder);
  } finally {
    // What cannot be removed now goes with the next one.
    await rm(folder, { recursive: true, force: true }).catch(() => {});
  }
}

async function makeSpool(place: string): Promise<string> {
  await mkdir(place, { recursive: true, mode: 0o700 });
  for (const name of await readdir(place)) {
    const [, maker] = spoolName.exec(name) ?? [];
    if (maker !== undefined && !isAlive(Number(maker)))
      await rm(join(place, name), { recursive: true, force: true });
  }
  return mkdtemp(join(place, `backup-spool-${process.pid}-`));
}

function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch (error) {
    return (error as NodeJS.ErrnoException).code !== 'ESRCH';
  }
}

function spoolFailed(place: string, cause: unknown): StoreError {
  const why = cause instanceof Error ? cause.message : String(cause);
  return new StoreError('STORE_IO', `backup: the spool in ${place}: ${why}`, { cause });
}

/** A body on its way to its receiver: close() waits while it moves. */
export class ArchiveSender implements Interruptible {
  readonly #folder: string;
  readonly #zone: string;
  readonly #stop = new AbortController();
  readonly #onBytes: (bytes: number) => void;
  #moved = 0;

  /** `zone` is the name of a backup's zone in `folder`, where nobody writes to it any more. */
  constructor(folder: string, zone: string, onBytes: (bytes: number) => void) {
    this.#folder = folder;
    this.#zone = zone;
    this.#onBytes = onBytes;
  }

  get moved(): number {
    return this.#moved;
  }

  interrupt(error: Error): void {
    this.#stop.abort(error);
  }

  /**
   * Ends `dest` when everything is in it, and destroys it when not. Returns the bytes. Errors of
   * `dest` pass as they are. ABORTED, STORE_CLOSED, STORE_IO
   */
  async send(
    context: StoreContext,
    dest: Writable,
    signal: AbortSignal | undefined,
  ): Promise<number> {
    const onAbort = (): void => this.interrupt(aborted(signal as AbortSignal));
    context.enter(); // STORE_CLOSED
    context.interruptible.add(this);
    hear(signal, onAbort);
    if (signal?.aborted) onAbort();
    try {
      await pipeline(this.#archive(), dest, { signal: this.#stop.signal });
      return this.#moved;
    } catch (error) {
      throw this.#stop.signal.aborted ? this.#stop.signal.reason : error;
    } finally {
      unhear(signal, onAbort);
      context.interruptible.delete(this);
      context.leave();
    }
  }

  async *#archive(): AsyncGenerator<Buffer> {
    try {
      const { create } = await import('tar'); // Only who asks for a stream waits for it.
      // Left to itself it would put the files of a folder behind what was named after the folder.
      const options = { noDirRecurse: true, portable: true, strict: true, maxReadSize: pieceBytes };
      const names = await this.#namesInOrder();
      for await (const bytes of create({ ...options, cwd: this.#folder }, names)) {
        this.#moved += bytes.length;
        this.#onBytes(bytes.length);
        yield bytes;
      }
    } catch (error) {
      throw spoolFailed(this.#folder, error);
    }
  }

  async #namesInOrder(): Promise<string[]> {
    const names = await readdir(join(this.#folder, this.#zone), { recursive: true });
    const others = names.filter((name) => name !== 'superblock' && name !== 'lock').sort();
    return [...others, 'superblock'].map((name) => `${this.#zone}/${name}`);
  }
}
