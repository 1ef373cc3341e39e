// Reading from disks that may be failing, by whoever may have written them: a block that cannot be
// read costs that block, and what is no file is not waited for.
import { constants } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import { damaged } from './bytes.ts';

/** What is read by itself where more at once fails. */
const blockSize = 4096;

/** A file to read. STORE_CORRUPT for a pipe or a folder, which could keep us waiting. */
export async function openFile(path: string): Promise<FileHandle> {
  const handle = await open(path, constants.O_RDONLY | (constants.O_NONBLOCK ?? 0));
  try {
    if (!(await handle.stat()).isFile()) throw damaged(`${path} is no file`);
    return handle;
  } catch (error) {
    await handle.close();
    throw error;
  }
}

/**
 * What is there of `size` bytes. Blocks that cannot be read are zeros, and `onUnreadable` hears how
 * many there were.
 */
export async function readAt(
  path: string,
  offset: number,
  size: number,
  onUnreadable?: (blocks: number) => void,
): Promise<Buffer> {
  const handle = await openFile(path);
  try {
    return await readFrom(handle, offset, size, onUnreadable);
  } finally {
    await handle.close();
  }
}

export async function readFrom(
  handle: FileHandle,
  offset: number,
  size: number,
  onUnreadable?: (blocks: number) => void,
): Promise<Buffer> {
  const { size: all } = await handle.stat();
  const bytes = Buffer.alloc(Math.max(0, Math.min(size, all - offset)));
  try {
    return bytes.subarray(0, await fill(handle, bytes, offset));
  } catch {
    let unreadable = 0;
    for (let at = 0; at < bytes.length; ) {
      // To the next boundary of the file: disks fail by sectors.
      const end = Math.min(bytes.length, at + blockSize - ((offset + at) % blockSize));
      const block = bytes.subarray(at, end);
      const read = await fill(handle, block, offset + at).catch(() => -1);
      if (read < block.length) {
        block.fill(0);
        unreadable++;
      }
      at = end;
    }
    onUnreadable?.(unreadable);
    return bytes;
  }
}

/** @returns how much there was */
async function fill(handle: FileHandle, bytes: Buffer, offset: number): Promise<number> {
  let done = 0;
  while (done < bytes.length) {
    const { bytesRead } = await handle.read(bytes, done, bytes.length - done, offset + done);
    if (bytesRead === 0) break;
    done += bytesRead;
  }
  return done;
}
