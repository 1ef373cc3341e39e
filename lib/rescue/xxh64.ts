// XXH64 by WebAssembly: the checksum of all structures but cells (docs/format/checksums.md).
import xxhash from 'xxhash-wasm';

let h64Raw: (bytes: Uint8Array, seed: bigint) => bigint = () => {
  throw new Error('loadXxh64 comes first');
};

/** Once, before anything is read. */
export async function loadXxh64(): Promise<void> {
  ({ h64Raw } = await xxhash());
}

export function xxh64(bytes: Uint8Array, seed = 0n): bigint {
  return h64Raw(bytes, seed);
}
