// The files below a directory, each with the object key that it gets.
import { isUtf8 } from 'node:buffer';
import type { Dirent } from 'node:fs';
import { readdir, stat } from 'node:fs/promises';

/** What is stored and read back. */
export interface SourceFile {
  /** Bytes: a file name need not be text. */
  readonly path: Buffer;
  readonly key: string;
  /** When listed; what is stored is what reading gives. */
  readonly size: number;
}

export interface SourceTree {
  readonly files: readonly SourceFile[];
  /** Files whose path cannot be an object key, or that are gone or unreadable. */
  readonly skipped: number;
}

/** No key may begin with a backslash, and a file name may: hence a prefix. */
const prefix = 'tree/';
const keyBytesMax = 1023;
const slash = Buffer.from('/');

/**
 * Regular files only; symbolic links below the directory are not followed.
 * @throws the error of node:fs when the directory itself cannot be listed
 */
export async function filesBelow(directory: string): Promise<SourceTree> {
  const root = Buffer.concat([Buffer.from(directory), slash]);
  const files: SourceFile[] = [];
  let skipped = 0;
  const visit = async (folder: Buffer, entries: Dirent<Buffer>[]): Promise<void> => {
    for (const entry of entries) {
      const path = Buffer.concat([folder, entry.name]);
      try {
        if (entry.isDirectory()) {
          const below = Buffer.concat([path, slash]);
          await visit(below, await list(below));
        } else if (entry.isFile()) {
          const key = keyOf(path.subarray(root.length));
          if (key === null) skipped++;
          else files.push({ path, key, size: (await stat(path)).size });
        }
      } catch {
        skipped++;
      }
    }
  };
  await visit(root, await list(root));
  return { files, skipped };
}

function list(folder: Buffer): Promise<Dirent<Buffer>[]> {
  return readdir(folder, { withFileTypes: true, encoding: 'buffer' });
}

function keyOf(relative: Buffer): string | null {
  const fits = prefix.length + relative.length <= keyBytesMax;
  return fits && isUtf8(relative) ? prefix + relative.toString('utf8') : null;
}
