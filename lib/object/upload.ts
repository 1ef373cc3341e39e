// Upload: one body of pieces on its way to the engine. It gathers small pieces, so that the engine
// sees few and large ones, passes large ones through uncopied, and keeps nothing of a body that
// fails, ends early or is aborted. Memory is bounded: one piece and one gathering of at most 1 MiB.
// A piece stays the caller's until it was taken: it may shrink or be transferred away meanwhile, so
// what was sealed is counted once more at the end.
import { setImmediate as turn } from 'node:timers/promises';
import type { Interruptible, StoreContext } from '../context/store-context.ts';
import type { Digests } from '../engine/digests.ts';
import type {
  BlobWriter,
  KeyHandle,
  NewBlob,
  PartsKey,
  StorageEngine,
} from '../engine/storage-engine.ts';
import { StoreError } from '../errors.ts';
import { aborted, hear, unhear } from '../options.ts';
import { type OpenedBody, piecesOf } from './body.ts';
import { type ChecksumPlan, verifyChecksums } from './checksum.ts';
import { type Pieces, PieceTypeError, pieceSizeMax } from './pieces.ts';
import type { ProgressMeter } from './progress.ts';

/** Pieces from this size on are worth a call of their own. */
const directFrom = 256 * 1024;
const nothing = new Uint8Array(0);
/** 48.8 TB, as in OSS. */
const objectSizeMax = 48.8 * 2 ** 40;
/** Pieces that are there at once must not keep timers, signals and sockets waiting for longer. */
const turnMs = 10;

/** What was sealed: inline bytes when it is small, else a finished writer. */
export interface Sealed {
  readonly blob: NewBlob;
  /** Bytes of the whole body. */
  readonly size: number;
  /** Those that were asked for, if any were. */
  readonly digests: Digests | null;
}
export interface UploadOptions {
  /** Bytes the body must have. */
  readonly size: number | undefined;
  readonly checksums: ChecksumPlan | null;
  /** The largest body that is handed over inline. */
  readonly inlineMax: number;
}

/** What a verb says of the sealing of its body. */
export interface Sealing {
  readonly size?: number | undefined;
  readonly checksums: ChecksumPlan | null;
  readonly meter?: ProgressMeter | null;
  readonly signal: AbortSignal | undefined;
}

/** Seals a body of either form under a bucket's key or a list's. Throws as {@link Upload.seal}. */
export function sealBody(
  context: StoreContext,
  body: OpenedBody,
  key: KeyHandle | PartsKey,
  { size, checksums, meter = null, signal }: Sealing,
): Promise<Sealed> {
  const options = { size, checksums, inlineMax: context.engine.smallBlobMax };
  return new Upload(context, piecesOf(body), options, meter).seal(key, signal);
}

export class Upload implements Interruptible {
  readonly #context: StoreContext;
  readonly #pieces: Pieces;
  readonly #options: UploadOptions;
  readonly #meter: ProgressMeter | null;
  #size = 0;
  /** The piece that was counted last, and its size then. */
  #piece: Uint8Array = nothing;
  #pieceSize = 0;
  #turned: number = performance.now();
  /** Why the upload must stop; what is pending ends with it. */
  #stopped: Error | null = null;
  #rejectNext: ((error: Error) => void) | null = null;

  constructor(
    context: StoreContext,
    pieces: Pieces,
    options: UploadOptions,
    meter: ProgressMeter | null,
  ) {
    this.#context = context;
    this.#pieces = pieces;
    this.#options = options;
    this.#meter = meter;
  }

  /** Seals the whole body. IncompleteBody, InvalidDigest, InvalidCRC64, ABORTED, EntityTooLarge. */
  async seal(kek: KeyHandle | PartsKey, signal: AbortSignal | undefined): Promise<Sealed> {
    const onAbort = () => this.interrupt(aborted(signal as AbortSignal));
    hear(signal, onAbort);
    // It may have fired while the bucket was looked for; then no event comes.
    if (signal?.aborted) onAbort();
    this.#context.interruptible.add(this);
    try {
      return await this.#seal(kek);
    } finally {
      this.#context.interruptible.delete(this);
      unhear(signal, onAbort);
    }
  }

  get moved(): number {
    return this.#size;
  }

  interrupt(error: Error): void {
    this.#stopped ??= error;
    this.#rejectNext?.(this.#stopped);
  }

  async #seal(kek: KeyHandle | PartsKey): Promise<Sealed> {
    const { engine } = this.#context;
    const { checksums, inlineMax } = this.#options;
    const gathering = new Gathering();
    let writer: BlobWriter | null = null;
    try {
      for (let piece = await this.#next(); piece !== null; piece = await this.#next()) {
        if (writer === null && gathering.size + piece.length <= inlineMax) {
          gathering.add(piece);
        } else {
          const size = this.#options.size ?? this.#pieces.size;
          writer ??= engine.writeBlob(kek, size, checksums?.names);
          await this.#pass(piece, this.#pieceSize, gathering, writer);
        }
        this.#meter?.add(this.#pieceSize);
      }
      if (writer === null) {
        const bytes = this.#whole(gathering.take());
        const digests = checksums && (await checked(engine, checksums, bytes));
        this.#goOn();
        return { blob: { bytes, kek }, size: this.#size, digests };
      }
      await this.#flush(gathering, writer);
      const { size, digests } = await writer.finish();
      this.#goOn();
      if (size !== this.#size) throw pieceGone();
      if (checksums !== null) verifyChecksums(checksums, digests);
      return { blob: writer, size, digests };
    } catch (error) {
      await writer?.dispose();
      throw this.#stopped ?? (this.#isGone(error) ? pieceGone(error) : error);
    }
  }

  #whole(bytes: Uint8Array): Uint8Array {
    if (bytes.length !== this.#size) throw pieceGone();
    return bytes;
  }

  /** Whoever meets the array says only that it cannot be read, or is empty. */
  #isGone(error: unknown): boolean {
    if (this.#piece.length >= this.#pieceSize && !isDetached(this.#piece)) return false;
    return error instanceof TypeError || StoreError.is(error, 'InvalidArgument');
  }

  async #pass(
    piece: Uint8Array,
    size: number,
    gathering: Gathering,
    writer: BlobWriter,
  ): Promise<void> {
    if (size >= directFrom) {
      await this.#flush(gathering, writer);
      for (let at = 0; at < size; at += pieceSizeMax)
        await this.#write(piece.subarray(at, Math.min(at + pieceSizeMax, size)), writer);
      return;
    }
    if (gathering.size + size > pieceSizeMax) await this.#flush(gathering, writer);
    gathering.add(piece);
  }

  async #flush(gathering: Gathering, writer: BlobWriter): Promise<void> {
    if (gathering.size > 0) await this.#write(gathering.take(), writer);
  }

  async #write(bytes: Uint8Array, writer: BlobWriter): Promise<void> {
    this.#goOn();
    await writer.write(bytes);
  }

  /** The next piece, counted; null at the end of a body of the right size. */
  async #next(): Promise<Uint8Array | null> {
    if (performance.now() - this.#turned > turnMs) await this.#turn();
    this.#goOn();
    const piece = await this.#wait();
    this.#goOn();
    const expected = this.#options.size ?? this.#pieces.size;
    if (piece === null) {
      if (expected !== undefined && this.#size !== expected) throw wrongSize(this.#size, expected);
      return null;
    }
    this.#piece = piece;
    this.#pieceSize = piece.length;
    this.#size += piece.length;
    if (expected !== undefined && this.#size > expected) throw wrongSize(this.#size, expected);
    if (this.#size > objectSizeMax) throw new StoreError('EntityTooLarge');
    return piece;
  }

  async #turn(): Promise<void> {
    await turn();
    this.#turned = performance.now();
  }

  /** A body may never send another byte, so waiting for it ends when the upload is interrupted. */
  #wait(): Promise<Uint8Array | null> {
    return new Promise((resolve, reject) => {
      this.#rejectNext = reject;
      this.#pieces.next().then(resolve, (error) => reject(this.#stopped ?? bodyFailed(error)));
    });
  }

  #goOn(): void {
    if (this.#stopped !== null) throw this.#stopped;
  }
}

/** The digests of a small body. InvalidDigest, InvalidCRC64. */
export async function checked(
  engine: StorageEngine,
  checksums: ChecksumPlan,
  bytes: Uint8Array,
): Promise<Digests> {
  const digests = await engine.digest(checksums.names, bytes);
  verifyChecksums(checksums, digests);
  return digests;
}

/** Bytes put together for one call of the engine. */
class Gathering {
  #bytes = Buffer.alloc(0);
  #size = 0;

  get size(): number {
    return this.#size;
  }

  add(piece: Uint8Array): void {
    const needed = this.#size + piece.length;
    if (needed > this.#bytes.length) {
      // Doubling keeps a thousand small uploads small.
      const grown = Buffer.allocUnsafeSlow(Math.max(needed, Math.min(2 * needed, pieceSizeMax)));
      grown.set(this.#bytes.subarray(0, this.#size));
      this.#bytes = grown;
    }
    this.#bytes.set(piece, this.#size);
    this.#size = needed;
  }

  /** What was gathered; good until the next add(). */
  take(): Uint8Array {
    const taken = this.#bytes.subarray(0, this.#size);
    this.#size = 0;
    return taken;
  }
}

/** A body that is shorter or longer than was announced. */
export function wrongSize(size: number, expected: number): StoreError {
  return new StoreError('IncompleteBody', `the body has ${size} bytes, ${expected} were announced`);
}

/** What was transferred away before it was counted had no bytes then. */
function isDetached({ buffer }: Uint8Array): boolean {
  try {
    new Uint8Array(buffer);
    return false;
  } catch {
    return true;
  }
}

function pieceGone(cause?: unknown): StoreError {
  const message = 'a piece of the body was transferred away or shrank before it was stored';
  return new StoreError('IncompleteBody', message, cause === undefined ? {} : { cause });
}

/** What this library says of a piece stays; whatever the source itself throws becomes the cause. */
function bodyFailed(error: unknown): Error {
  if (error instanceof PieceTypeError) return error;
  if (StoreError.is(error, 'IncompleteBody', 'InvalidArgument')) return error;
  return new StoreError('IncompleteBody', 'the body failed while it was read', { cause: error });
}
