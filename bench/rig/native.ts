// The addon's measuring surface: floors that JavaScript cannot reach. native/binding/measure.h is
// the other side.
import { existsSync } from 'node:fs';

export interface Measured {
  /** Seconds to write so many bytes past the page cache, `lanes` requests in flight, and sync. */
  directWrite(path: string, bytes: number, lanes: number): Promise<number>;
  /**
   * Seconds to read and open a sealed file of so many bytes of plaintext, one thread, no copy kept.
   * The file is made first where it is missing.
   */
  readAndOpen(path: string, bytes: number): Promise<number>;
  /** One thread, no I/O, in cache: seal, encode 4+2 and checksum; and the cipher alone. */
  pipeline(bytes: number): { pipelineGbps: number; evpGbps: number };
}

/** @throws Error saying what to build */
export async function measured(): Promise<Measured> {
  const url = new URL('../../dist/engine/load.js', import.meta.url);
  if (!existsSync(url)) throw new Error('dist/ is missing: run `npm run build`');
  const { loadAddon } = (await import(url.href)) as { loadAddon(): { measure?: Measured } };
  const { measure } = loadAddon();
  if (measure === undefined) throw new Error('the addon is old: run `npm run build:native`');
  return measure;
}
