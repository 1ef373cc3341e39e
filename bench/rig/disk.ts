// The disk under the bench: a real one, or none at all. In memory a sync costs nothing, so a bench
// of durable writes would answer another question there.
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, open, readdir, rm, statfs } from 'node:fs/promises';
import { dirname, join } from 'node:path';

/** f_type of statfs(2). */
const names: Readonly<Record<number, string>> = {
  61267: 'ext4',
  1481003842: 'xfs',
  2435016766: 'btrfs',
  801189825: 'zfs',
  4076150800: 'f2fs',
  2035054128: 'overlayfs',
  26985: 'nfs',
  1702057286: 'fuse',
  26: 'apfs',
};
const inMemory: Readonly<Record<number, string>> = { 16914836: 'tmpfs', 2240043254: 'ramfs' };

/** The name of the file system below `data`, which is created, unless it lies in memory. */
export async function requireDisk(data: string): Promise<string> {
  const { type } = await statfs(nearestExisting(data));
  const memory = inMemory[type];
  if (memory !== undefined)
    throw new Error(`${data} lies in memory (${memory}): name a directory on a disk with --data`);
  await mkdir(data, { recursive: true });
  return names[type] ?? `0x${type.toString(16)}`;
}

/** Throws unless so many bytes are free. */
export async function requireSpace(data: string, bytes: number): Promise<void> {
  const { bavail, bsize } = await statfs(data);
  const free = bavail * bsize;
  if (free >= bytes) return;
  const [have, want] = [free, bytes].map((n) => `${(n / 2 ** 30).toFixed(1)} GiB`);
  throw new Error(`${data} has ${have} free, ${want} are needed`);
}

/** An empty directory for one run; what killed runs have left is removed. */
export async function makePlace(data: string): Promise<string> {
  for (const name of await readdir(data)) {
    const [, pid] = /^run-(\d+)-/.exec(name) ?? [];
    if (pid !== undefined && !isAlive(Number(pid))) await removeTree(join(data, name));
  }
  return mkdtemp(join(data, `run-${process.pid}-`));
}

export function removeTree(path: string): Promise<void> {
  return rm(path, { recursive: true, force: true });
}

/** Makes every file below `path` durable, so that nobody's turn pays for its writeback. */
export async function syncTree(path: string): Promise<void> {
  for (const entry of await readdir(path, { recursive: true, withFileTypes: true })) {
    if (!entry.isFile()) continue;
    const file = await open(join(entry.parentPath, entry.name), 'r');
    try {
      await file.datasync();
    } finally {
      await file.close();
    }
  }
}

function nearestExisting(path: string): string {
  return existsSync(path) ? path : nearestExisting(dirname(path));
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}
