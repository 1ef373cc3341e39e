// The default key file: 32 random bytes beside the store, in no zone. Its name tells whether a
// store was ever opened with it:
//
//   <path>.rootkey.new   a store is being made: a crash may have left zones, or none
//   <path>.rootkey       the store stands, and its zones must be somewhere
import { randomBytes } from 'node:crypto';
import { constants } from 'node:fs';
import { copyFile, link, mkdir, open, rename, rm, stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import { StoreError } from '../errors.ts';
import { keySize } from './root-key.ts';

/** The name of a key file until its store stands. */
export function newKeyFile(file: string): string {
  return `${file}.new`;
}

/**
 * Makes a key file, mode 0600, durable before it is used: a store whose key file is lost in a power
 * failure is lost. An existing file stays as it is.
 * @throws {StoreError} STORE_IO
 */
export async function createKeyFile(file: string): Promise<void> {
  if (await isThere(file)) return;
  try {
    await mkdir(dirname(file), { recursive: true });
    await createWhole(file);
    await syncAbove(file);
  } catch (cause) {
    throw new StoreError('STORE_IO', `the key file ${file} cannot be made`, { cause });
  }
}

/** Under its name there is the whole file or none, and never a second one. */
async function createWhole(file: string): Promise<void> {
  const temporary = `${file}.${randomBytes(8).toString('hex')}`;
  const key = randomBytes(keySize);
  try {
    const handle = await open(temporary, 'wx', 0o600);
    try {
      await handle.writeFile(key);
      await handle.sync();
    } finally {
      await handle.close();
    }
    // Some file systems know no links; there two opens at once may see half a key, and fail.
    const copy = () => copyFile(temporary, file, constants.COPYFILE_EXCL).then(() => sync(file));
    await link(temporary, file)
      .catch((error) => (error.code === 'EEXIST' ? undefined : copy()))
      .catch((error) => {
        if (error.code !== 'EEXIST') throw error;
      });
  } finally {
    key.fill(0);
    await rm(temporary, { force: true });
  }
}

/** The store stands: the key file takes its name for good. Another open may have done it. */
export async function keepKeyFile(file: string): Promise<void> {
  try {
    await rename(newKeyFile(file), file);
  } catch (cause) {
    if (!(await isThere(file)))
      throw new StoreError('STORE_IO', `the key file ${file} cannot be kept`, { cause });
  }
  // Crash before this: either name may be there, and the next open takes the one it finds.
  await syncAbove(file);
}

/** Makes a name durable, and those of the folders above it, as far as they are ours. */
async function syncAbove(file: string): Promise<void> {
  // Windows cannot sync a folder; a rename or creation is durable there once the file is.
  if (process.platform === 'win32') return;
  await sync(dirname(file));
  for (let at = dirname(file); dirname(at) !== at; at = dirname(at))
    await sync(dirname(at)).catch((error) => {
      if (!['EACCES', 'EPERM', 'EROFS'].includes(error.code)) throw error;
    });
}

async function sync(path: string): Promise<void> {
  const handle = await open(path, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

/** False when it cannot be looked at, too. */
export function isThere(file: string): Promise<boolean> {
  return stat(file).then(
    () => true,
    () => false,
  );
}

/** Others than the owner may read the file. */
export async function isExposed(file: string): Promise<boolean> {
  if (process.platform === 'win32') return false;
  const found = await stat(file).catch(() => null); // Another open may just be renaming it.
  return found !== null && (found.mode & 0o077) !== 0;
}
