// A backup as a stream: made in a folder of its own, proven there, then sent as a tar archive.
//
//   zone-1/blob/…  zone-1/index/…  zone-1/log/…  and last of all zone-1/superblock
//
// An archive that was cut short extracts to a zone without a superblock, and open() refuses one.
// A crash leaves the folder; a later backup to a stream in the same place removes it.
import { mkdir, mkdtemp, open, readdir, rm, stat, utimes } from 'node:fs/promises';
import { join } from 'node:path';
import type { Writable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import type { Interruptible, StoreContext } from '../context/store-context.ts';
import { invalidArgument, StoreError } from '../errors.ts';
import { aborted, hear, unhear } from '../options.ts';

const spoolPrefix = 'backup-spool-';
/** Whoever owns a spool says so again and again: ids of processes mean nothing between machines. */
const claimMs = 60_000;
/** One that nobody has claimed for so long was left by a crash. */
const abandonedMs = 3_600_000;
/** What is held of a file at a time. */
const pieceBytes = 1 << 20;
const blockBytes = 512;

/** Calls `use` with a new folder below `place`, which is gone when it is over. STORE_IO */
export async function inSpool<T>(place: string, use: (folder: string) => Promise<T>): Promise<T> {
  const folder = await makeSpool(place).catch((error) => {
    throw spoolFailed(place, error);
  });
  const claiming = setInterval(() => {
    const now = new Date();
    utimes(folder, now, now).catch(() => {});
  }, claimMs).unref();
  try {
    return await use(folder);
  } finally {
    clearInterval(claiming);
    await remove(folder);
  }
}

async function makeSpool(place: string): Promise<string> {
  await mkdir(place, { recursive: true, mode: 0o700 });
  const leftOver = (await readdir(place)).filter((name) => name.startsWith(spoolPrefix));
  for (const path of leftOver.map((name) => join(place, name))) {
    const found = await stat(path).catch(() => null);
    if (found && Date.now() - found.mtimeMs > abandonedMs) await remove(path);
  }
  return mkdtemp(join(place, spoolPrefix));
}

/** What cannot be removed is left to a later one: it may be somebody else's. */
async function remove(folder: string): Promise<void> {
  await rm(folder, { recursive: true, force: true, maxRetries: 5 }).catch(() => {});
}

function spoolFailed(place: string, cause: unknown): StoreError {
  const why = cause instanceof Error ? cause.message : String(cause);
  return new StoreError('STORE_IO', `backup: the spool in ${place}: ${why}`, { cause });
}

/** By its shape: a response of node:http is no instance of Writable. */
export function isWritable(dest: unknown): dest is Writable {
  const stream = dest as Partial<Writable> | null;
  return typeof stream === 'object' && stream !== null && !(stream instanceof URL)
    ? [stream.write, stream.end, stream.on].every((each) => typeof each === 'function')
    : false;
}

/**
 * Calls `work` with a signal that also fires when the receiver fails: before anything is sent
 * nobody else listens, and its error would end the process. Then its error is thrown.
 */
export async function whileItLives<T>(
  dest: Writable,
  signal: AbortSignal | undefined,
  work: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  if (dest.destroyed || dest.writableEnded)
    throw invalidArgument('backup: the stream has ended or is destroyed');
  const stop = new AbortController();
  let failure: unknown;
  const onError = (error: unknown): void => {
    failure ??= error;
    stop.abort(error);
  };
  const onClose = (): void => onError(new Error('the receiver of the backup was closed'));
  const onAbort = (): void => stop.abort(signal?.reason);
  dest.on('error', onError);
  dest.on('close', onClose);
  hear(signal, onAbort);
  if (signal?.aborted) onAbort();
  try {
    return await work(stop.signal);
  } catch (error) {
    if (signal?.aborted) throw aborted(signal);
    throw failure !== undefined && StoreError.is(error, 'ABORTED') ? failure : error;
  } finally {
    unhear(signal, onAbort);
    dest.off('error', onError);
    dest.off('close', onClose);
  }
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

  async *#archive(): AsyncGenerator<Uint8Array> {
    try {
      for await (const bytes of this.#entries()) {
        this.#moved += bytes.length;
        this.#onBytes(bytes.length);
        yield bytes;
      }
    } catch (error) {
      throw spoolFailed(this.#folder, error);
    }
  }

  async *#entries(): AsyncGenerator<Uint8Array> {
    for (const name of ['blob', 'index', 'log']) yield* this.#tree(`${this.#zone}/${name}`);
    yield* this.#entry(`${this.#zone}/superblock`);
    yield new Uint8Array(2 * blockBytes); // The end of an archive.
  }

  /** Of a folder's names only one folder's are held. */
  async *#tree(folder: string): AsyncGenerator<Uint8Array> {
    yield await headerOf(`${folder}/`, { size: 0, mode: 0o700, mtime: new Date() });
    const found = await readdir(join(this.#folder, folder), { withFileTypes: true });
    for (const each of found.sort((a, b) => (a.name < b.name ? -1 : 1))) {
      const path = `${folder}/${each.name}`;
      if (each.isDirectory()) yield* this.#tree(path);
      else yield* this.#entry(path);
    }
  }

  async *#entry(path: string): AsyncGenerator<Uint8Array> {
    const file = await open(join(this.#folder, path));
    try {
      const { size, mtime } = await file.stat();
      yield await headerOf(path, { size, mode: 0o600, mtime });
      for (let left = size; left > 0; ) {
        const piece = new Uint8Array(Math.min(pieceBytes, left));
        const { bytesRead } = await file.read(piece, 0, piece.length);
        if (bytesRead === 0) throw new Error(`${path} became shorter`);
        left -= bytesRead;
        yield piece.subarray(0, bytesRead);
      }
      const odd = size % blockBytes;
      if (odd > 0) yield new Uint8Array(blockBytes - odd);
    } finally {
      await file.close();
    }
  }
}

async function headerOf(
  path: string,
  given: { size: number; mode: number; mtime: Date },
): Promise<Uint8Array> {
  const { Header } = await import('tar'); // Only who asks for a stream waits for it.
  const header = new Header({ ...given, path, type: path.endsWith('/') ? 'Directory' : 'File' });
  const block = Buffer.alloc(blockBytes);
  if (header.encode(block)) throw new Error(`${path} does not fit into a header`);
  return block;
}
