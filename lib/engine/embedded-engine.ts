// Stands in for the embedded engine until the native binding is here.
import { StoreError } from '../errors.ts';
import type { EmbeddedOptions, StorageEngine } from './storage-engine.ts';

export async function openEmbedded(_options: EmbeddedOptions): Promise<StorageEngine> {
  throw new StoreError('NATIVE_LOAD_FAILED');
}

/** Null: no store there. */
export async function readRootHint(_zones: readonly string[]): Promise<Uint8Array | null> {
  throw new StoreError('NATIVE_LOAD_FAILED');
}
