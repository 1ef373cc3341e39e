// The floor of small writes: what careful code does with node:fs alone.
//
//   <name>.tmp: create, write, fsync, close -> rename to <name> -> fsync of the directory
import { type FileHandle, mkdir, open, readdir, readFile, rename } from 'node:fs/promises';
import { join } from 'node:path';

export class DurableFiles {
  readonly directory: string;
  readonly #handle: FileHandle;

  static async create(directory: string): Promise<DurableFiles> {
    await mkdir(directory);
    return new DurableFiles(directory, await open(directory, 'r'));
  }

  private constructor(directory: string, handle: FileHandle) {
    this.directory = directory;
    this.#handle = handle;
  }

  /** The directory is opened once for all puts: opening it each time would flatter us. */
  async put(name: string, body: Uint8Array): Promise<void> {
    const path = join(this.directory, name);
    const temporary = `${path}.tmp`;
    const file = await open(temporary, 'wx');
    try {
      await file.write(body);
      await file.sync();
    } finally {
      await file.close();
    }
    await rename(temporary, path);
    await this.#handle.sync();
  }

  get(name: string): Promise<Buffer> {
    return readFile(join(this.directory, name));
  }

  async count(): Promise<number> {
    return (await readdir(this.directory)).length;
  }

  close(): Promise<void> {
    return this.#handle.close();
  }
}
