// Peers: packages that others would take for the task. They have their own package.json, so that
// they never enter an ordinary install.
import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';

const manifest = fileURLToPath(new URL('../peers/package.json', import.meta.url));

export const howToInstall = 'not installed: npm ci --prefix bench/peers';

/** The package, or why it cannot be used here. */
export function loadPeer<T extends object>(name: string): T | string {
  try {
    return createRequire(manifest)(name) as T;
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    if (code !== 'MODULE_NOT_FOUND') return message.split('\n')[0] as string;
    return message.includes(`'${name}'`) ? howToInstall : notBuilt(name);
  }
}

/** npm runs no install script here, so what has no prebuilt binary is built by hand. */
function notBuilt(name: string): string {
  return `${name} is not built: node bench/peers/build.mjs`;
}

/** A figure, or why there is none: a peer that fails must not take our figure with it. */
export async function figureOf<T extends object>(
  name: string,
  measure: (peer: T) => Promise<number>,
): Promise<number | string> {
  const peer = loadPeer<T>(name);
  if (typeof peer === 'string') return peer;
  try {
    return await measure(peer);
  } catch (error) {
    return `failed: ${error instanceof Error ? error.message : String(error)}`;
  }
}

/** As much of lmdb as the bench uses. */
export interface Lmdb {
  open(options: { path: string; mapSize?: number }): LmdbStore;
}
export interface LmdbStore {
  put(key: string, value: unknown): Promise<boolean>;
  get(key: string): unknown;
  getRange(options: { start: string; limit: number }): Iterable<{ key: string; value: unknown }>;
  getKeysCount(): number;
  /** Resolves when everything committed so far is durable. */
  readonly flushed: Promise<unknown>;
  close(): Promise<void>;
}

/** As much of cacache as the bench uses. */
export interface Cacache {
  put(cache: string, key: string, data: Uint8Array): Promise<unknown>;
  get(cache: string, key: string): Promise<{ data: Buffer }>;
}

/** As much of @ronomon/reed-solomon as the bench uses. */
export interface RonomonReedSolomon {
  create(k: number, m: number): object;
  encode(
    context: object,
    sources: number,
    targets: number,
    buffer: Buffer,
    bufferOffset: number,
    bufferSize: number,
    parity: Buffer,
    parityOffset: number,
    paritySize: number,
    end: (error?: Error) => void,
  ): void;
}
