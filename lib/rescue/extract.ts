// Objects as files: OUT/BUCKET/KEY, and OUT/manifest.jsonl, which says of every object where its
// bytes are and what else was known of it.
//
// A key is whatever its writer chose: `../../etc/passwd`, `a//b`, both `a` and `a/b`. No key leads
// out of OUT: what no file can be called gets a name by the hash of the key; the manifest tells.
import { createHash } from 'node:crypto';
import { type FileHandle, link, mkdir, open, readdir, rename, rm, utimes } from 'node:fs/promises';
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
  /** Its parts are not all that it was made of, and which are others is not known. `.damaged`. */
  readonly unproved?: true;
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

/** A name that no object has: what is being written stands there. */
const unfinished = '%unfinished';

/** Writes the object's file below `out`. Under its own name it is there whole or not at all. */
export async function extract(
  object: RescuedObject,
  out: string,
  options: ExtractOptions = {},
): Promise<Extracted> {
  const temporary = join(out, unfinished);
  const lost: { offset: number; size: number }[] = [];
  try {
    const handle = await open(temporary, 'wx');
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
    await utimes(temporary, object.modified, object.modified);
    const { isProved } = object;
    const suffix = lost.length > 0 || !isProved ? '.damaged' : '';
    const file = await place(object, temporary, out, suffix);
    return { ...describe(object, file, lost), ...(!isProved && { unproved: true }) };
  } finally {
    await rm(temporary, { force: true });
  }
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

/** Gives the finished file the key's own name, or where there can be none, one by its hash. */
async function place(
  { bucket, key }: RescuedObject,
  temporary: string,
  out: string,
  suffix: string,
): Promise<string> {
  const own = fileNameOf(key);
  if (own !== null) {
    try {
      return await name(temporary, out, `${bucket}/${own}${suffix}`);
    } catch (error) {
      // Both `a` and `a/b`, names that differ in case only, what this disk cannot be told.
      const { code } = error as { code?: string };
      if (!taken.has(code ?? '')) throw error;
    }
  }
  const hash = createHash('sha256').update(key).digest('hex').slice(0, 32);
  return name(temporary, out, `${bucket}/%${hash}${suffix}`);
}

const taken: ReadonlySet<string> = new Set(
  'EEXIST EISDIR ENOTDIR ENAMETOOLONG EINVAL ENOENT EILSEQ'.split(' '),
);

/** EEXIST where anything has that name: nothing is ever written over. */
async function name(temporary: string, out: string, file: string): Promise<string> {
  const path = join(out, file);
  await mkdir(dirname(path), { recursive: true });
  try {
    await link(temporary, path);
  } catch (error) {
    const { code } = error as { code?: string };
    if (code !== 'EPERM' && code !== 'ENOTSUP' && code !== 'ENOSYS') throw error;
    await (await open(path, 'wx')).close(); // A file system without links.
    await rename(temporary, path);
  }
  return file;
}

/** In bytes, of one name in most file systems; `.damaged` may follow. */
const nameSizeMax = 240;
/** No control characters, and nothing that means something to a shell of Windows. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for.
const unusual = /[\x00-\x1f\x7f\\:*?"<>|]/;

/** The key as a path below the bucket's folder; null when it cannot be one. */
function fileNameOf(key: string): string | null {
  const usable = key.split('/').every(
    (name) =>
      name !== '' &&
      name !== '.' &&
      name !== '..' &&
      !name.startsWith('%') && // Those are names by hash.
      !/\.damaged$/i.test(name) &&
      !unusual.test(name) &&
      Buffer.byteLength(name) <= nameSizeMax,
  );
  return usable ? key : null;
}
