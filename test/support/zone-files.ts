// A zone's files, and what may happen to them behind the store's back.
import { open as openFile, readdir, readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { Crc64 } from '../../lib/crc64.ts';

export async function filesIn(folder: string): Promise<string[]> {
  const files: string[] = [];
  for (const name of await readdir(folder, { recursive: true }).catch(() => []))
    if ((await stat(join(folder, name))).isFile()) files.push(join(folder, name));
  return files.sort();
}

export async function flip(file: string, at: number): Promise<void> {
  const handle = await openFile(file, 'r+');
  const byte = Buffer.alloc(1);
  await handle.read(byte, 0, 1, at);
  byte[0] = (byte[0] ?? 0) ^ 1;
  await handle.write(byte, 0, 1, at);
  await handle.sync();
  await handle.close();
}

/**
 * Changes the first chunk of a large object's file on purpose, and its checksum with it: checksum
 * right, tag wrong.
 */
export async function forgeFirstCell(file: string): Promise<void> {
  const cell = 65_552;
  const bytes = await readFile(file);
  const blobId = bytes.subarray(48, 64);
  // Which cell stands first in this zone: its checksum tells, since it starts from the number.
  const checksumOf = (n: number, sealed: Uint8Array): bigint => {
    const name = Buffer.alloc(26);
    blobId.copy(name);
    name.writeBigUInt64LE(BigInt(n), 18);
    const crc = new Crc64();
    crc.update(name);
    crc.update(sealed);
    return BigInt(crc.value);
  };
  const first = bytes.subarray(4096, 4096 + cell);
  const stored = bytes.readBigUInt64LE(4096 + cell);
  const number = [0, 1, 2, 3, 4, 5].find((n) => checksumOf(n, first) === stored);
  if (number === undefined) throw new Error('no cell stands first in the file');
  const forged = Buffer.alloc(cell + 8);
  first.copy(forged);
  forged[1000] = (forged[1000] ?? 0) ^ 1;
  forged.writeBigUInt64LE(checksumOf(number, forged.subarray(0, cell)), cell);
  const handle = await openFile(file, 'r+');
  await handle.write(forged, 0, forged.length, 4096);
  await handle.close();
}
