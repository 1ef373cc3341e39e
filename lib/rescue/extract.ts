// Objects as files: OUT/BUCKET/KEY, and OUT/manifest.jsonl, which says of every object where its
// bytes are and what else was known of it.
//
// A key is whatever its writer chose: `../../etc/passwd`, `a//b`, both `a` and `a/b`. No key leads
// out of OUT: what no file can be called gets a name by the hash of the key; the manifest tells.
import { createHash } from 'node:crypto';
import { type FileHandle, mkdir, open, readdir, rename, utimes } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { StoreError } from '../errors.ts';
import type { RescuedObject } from './rescued-object.ts';

/** A line of the manifest. */
export interface Extracted {
  readonly bucket: string;
  readonly key: string;
  /** Below OUT, with slashes. */
  readonly file: string;
  readonly size: number;
  readonly modified: string;
  readonly etag: string;
  readonly type: string;
  readonly contentType?: string;
  readonly metadata?: Readonly<Record<string, string>>;
  readonly tags?: Readonly<Record<string, string>>;
  readonly symlinkTarget?: string;
  /** Runs of bytes that no zone has any more: zeros in the file, whose name ends in `.damaged`. */
  readonly lost?: readonly { readonly offset: number; readonly size: number }[];
}

export interface ExtractOptions {
  signal?: AbortSignal | undefined;
  /** Bytes written since the last call. */
  onBytes?: ((bytes: number) => void) | undefined;
}

/** Makes the folder, or takes it when it is empty: what is found in it must be of one rescue. */
export async function makeEmptyFolder(out: string): Promise<void> {
  await mkdir(out, { recursive: true });
  if ((await readdir(out)).length > 0)
    throw new StoreError('InvalidArgument', `rescue: ${out} is not empty`);
}

/** Writes the object's file below `out`, durably. */
export async function extract(
  object: RescuedObject,
  out: string,
  options: ExtractOptions = {},
): Promise<Extracted> {
  const { file, handle } = await createFor(object, out);
  const lost: { offset: number; size: number }[] = [];
  try {
    for await (const { offset, size, bytes } of object.pieces()) {
      if (options.signal?.aborted)
        throw new StoreError('ABORTED', undefined, { cause: options.signal.reason });
      if (bytes === null) note(lost, offset, size);
      else await writeAll(handle, bytes, offset);
      options.onBytes?.(size);
    }
    if (lost.length > 0) await handle.truncate(object.size); // Lost at the end is zeros, too.
    await handle.sync();
  } finally {
    await handle.close();
  }
  const named = lost.length > 0 ? await markDamaged(out, file) : file;
  await utimes(join(out, named), object.modified, object.modified);
  return describe(object, named, lost);
}

/** Neighbouring runs are one. */
function note(lost: { offset: number; size: number }[], offset: number, size: number): void {
  const last = lost.at(-1);
  if (last !== undefined && last.offset + last.size === offset) last.size += size;
  else lost.push({ offset, size });
}

async function writeAll(handle: FileHandle, bytes: Buffer, at: number): Promise<void> {
  for (let done = 0; done < bytes.length; ) {
    const { bytesWritten } = await handle.write(bytes, done, bytes.length - done, at + done);
    done += bytesWritten;
  }
}

async function markDamaged(out: string, file: string): Promise<string> {
  const named = `${file}.damaged`;
  await rename(join(out, file), join(out, named));
  return named;
}

function describe(
  object: RescuedObject,
  file: string,
  lost: { offset: number; size: number }[],
): Extracted {
  const { bucket, key, size, etag, type, header } = object;
  const { contentType, metadata, tags, symlinkTarget } = header;
  return {
    bucket,
    key,
    file,
    size,
    modified: object.modified.toISOString(),
    etag,
    type,
    ...(contentType !== undefined && { contentType }),
    ...(Object.keys(metadata).length > 0 && { metadata }),
    ...(Object.keys(tags).length > 0 && { tags }),
    ...(symlinkTarget !== undefined && { symlinkTarget }),
    ...(lost.length > 0 && { lost }),
  };
}

// ── Names

/** A new file under the key's own name, or where there can be none, under its hash. */
async function createFor(
  { bucket, key }: RescuedObject,
  out: string,
): Promise<{ file: string; handle: FileHandle }> {
  const own = fileNameOf(key);
  if (own !== null) {
    try {
      return await create(out, `${bucket}/${own}`);
    } catch (error) {
      // Both `a` and `a/b`, names that differ in case only, a path too long for this disk.
      const { code } = error as { code?: string };
      if (!taken.has(code ?? '')) throw error;
    }
  }
  const hash = createHash('sha256').update(key).digest('hex').slice(0, 32);
  return create(out, `${bucket}/%${hash}`);
}

const taken = new Set(['EEXIST', 'EISDIR', 'ENOTDIR', 'ENAMETOOLONG', 'EINVAL', 'ENOENT']);

async function create(out: string, file: string): Promise<{ file: string; handle: FileHandle }> {
  const path = join(out, file);
  await mkdir(dirname(path), { recursive: true });
  return { file, handle: await open(path, 'wx') };
}

/** In bytes, of one name in most file systems; `.damaged` may follow. */
const nameSizeMax = 240;
/** No control characters, and nothing that means something to a shell of Windows. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for.
const unusual = /[\x00-\x1f\x7f\\:*?"<>|]/;

/** The key as a path below the bucket's folder; null when it cannot be one. */
export function fileNameOf(key: string): string | null {
  const usable = key.split('/').every(
    (name) =>
      name !== '' &&
      name !== '.' &&
      name !== '..' &&
      !name.startsWith('%') && // Those are names by hash.
      !name.endsWith('.damaged') &&
      !unusual.test(name) &&
      Buffer.byteLength(name) <= nameSizeMax,
  );
  return usable ? key : null;
}
