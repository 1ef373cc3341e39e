// saveTo: the bytes of one open read as a file, whole or not at all.
//
//   temporary file beside the target → its bytes, synced → rename over the target → folder synced
//
// Whoever looks at the target sees the old file or the new one, never a part.
import { randomBytes } from 'node:crypto';
import { type FileHandle, lstat, open, rename, rm } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { aborted, checkOptions, checkSignal, hear, unhear } from '../options.ts';
import type { BodySource } from './body-source.ts';
import type { SaveOptions } from './types.ts';

const known: ReadonlySet<string> = new Set(['signal']);
/** What leaves a sealed store is for its owner alone, unless the file before was for others too. */
const ownerOnly = 0o600;

/** The target as a path. TypeError for what names no file, InvalidArgument for unknown options. */
export function checkSave(file: string | URL, options: SaveOptions | undefined): string {
  if (options !== undefined) checkOptions('saveTo', options, known);
  if (typeof file === 'string' && file !== '') return file;
  if (file instanceof URL) return fileURLToPath(file);
  throw new TypeError('saveTo: file must be a path or a file: URL');
}

/** Closes `source`. Errors of the file system pass as they are: the path is the caller's. */
export async function saveTo(
  source: BodySource,
  target: string,
  signal: AbortSignal | undefined,
): Promise<void> {
  const onAbort = () => source.interrupt(aborted(signal as AbortSignal));
  try {
    checkSignal('saveTo', signal); // ABORTED
    hear(signal, onAbort);
    await saveDurably(source, target, signal);
  } finally {
    unhear(signal, onAbort);
    source.close();
  }
}

async function saveDurably(
  source: BodySource,
  target: string,
  signal: AbortSignal | undefined,
): Promise<void> {
  const folder = await open(dirname(target), 'r');
  try {
    await replaceFile(source, target, signal);
    // Crash before this line: the old file or the new one. After: the new one.
    await folder.sync();
  } finally {
    await folder.close();
  }
}

async function replaceFile(
  source: BodySource,
  target: string,
  signal: AbortSignal | undefined,
): Promise<void> {
  const mode = await modeOf(target);
  const name = `.${basename(target).slice(0, 200)}.${randomBytes(8).toString('hex')}.partial`;
  const partial = join(dirname(target), name);
  // `wx`: a name that somebody guessed and laid a link under is refused, not followed.
  const file = await open(partial, 'wx', mode);
  try {
    try {
      await writeAll(source, file);
      await file.chmod(mode); // The umask took its share when the file was made.
      // A rename that is durable before the bytes are would leave an empty file after a power loss.
      await file.sync();
    } finally {
      await file.close();
    }
    checkSignal('saveTo', signal); // The last moment to stop: a renamed file stays.
    await rename(partial, target);
  } catch (error) {
    await rm(partial, { force: true });
    throw error;
  }
}

async function writeAll(source: BodySource, file: FileHandle): Promise<void> {
  for (let bytes = await source.read(); bytes !== null; bytes = await source.read())
    for (let at = 0; at < bytes.length; )
      at += (await file.write(bytes, at, bytes.length - at)).bytesWritten;
}

async function modeOf(target: string): Promise<number> {
  try {
    const found = await lstat(target);
    return found.isFile() ? found.mode & 0o777 : ownerOnly;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return ownerOnly;
    throw error;
  }
}
