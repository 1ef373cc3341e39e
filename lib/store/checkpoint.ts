// Checkpoints: a row of the store whose random token the caller keeps elsewhere. Whoever sets all
// zones back alike, or puts another store in their place, cannot make that row.
import type { StoreContext } from '../context/store-context.ts';
import {
  type CheckpointRow,
  checkpointKey,
  checkpointRange,
  checkpointsKept,
  decodeCheckpointBody,
} from '../engine/checkpoint-row.ts';
import type { StorageEngine } from '../engine/storage-engine.ts';
import { invalidArgument, StoreError } from '../errors.ts';
import { readOptions } from '../options.ts';

/**
 * Names one committed moment of the whole store. Plain strings: survives JSON. Keep it outside the
 * zones, where whoever can write to them cannot.
 */
export interface Checkpoint {
  /** 32 hex digits. */
  storeId: string;
  /** Of the commit, decimal. */
  sequence: string;
  /** SHA-256 of the record before it, 64 hex digits. */
  chainHash: string;
  /** 32 random hex digits. */
  token: string;
}

const shapes: Readonly<Record<keyof Checkpoint, RegExp>> = {
  storeId: /^[0-9a-f]{32}$/,
  sequence: /^[1-9]\d{0,15}$/,
  chainHash: /^[0-9a-f]{64}$/,
  token: /^[0-9a-f]{32}$/,
};
const known: ReadonlySet<string> = new Set(Object.keys(shapes));

/** STORE_CLOSED, STORE_READ_ONLY, STORE_FULL, COMMIT_UNKNOWN */
export function takeCheckpoint(context: StoreContext): Promise<Checkpoint> {
  return context.step(async () => {
    const { sequence, chainHash, token } = await context.engine.checkpoint();
    return { storeId: context.engine.storeId, sequence: String(sequence), chainHash, token };
  });
}

/** A copy. TypeError, InvalidArgument */
export function readCheckpoint(call: string, given: Checkpoint): Checkpoint {
  const own = readOptions(call, given, known);
  for (const [name, shape] of Object.entries(shapes)) {
    const value: unknown = own[name as keyof Checkpoint];
    if (typeof value !== 'string') throw new TypeError(`${call}: ${name} must be a string`);
    if (!shape.test(value)) throw invalidArgument(`${call}: ${name} is not that of a checkpoint`);
  }
  return own;
}

/** STORE_ROLLED_BACK, CHECKPOINT_GONE */
export async function demandCheckpoint(
  engine: StorageEngine,
  checkpoint: Checkpoint,
): Promise<void> {
  if (engine.storeId !== checkpoint.storeId)
    throw new StoreError('STORE_ROLLED_BACK', 'the zones hold another store than the checkpoint');
  const sequence = Number(checkpoint.sequence);
  const row = await rowOf(engine, sequence);
  if (row?.token === checkpoint.token && row.chainHash === checkpoint.chainHash) return;
  if (row === null && (await isForgotten(engine, sequence)))
    throw new StoreError('CHECKPOINT_GONE');
  throw new StoreError('STORE_ROLLED_BACK', 'the store does not hold the checkpoint');
}

async function rowOf(engine: StorageEngine, sequence: number): Promise<CheckpointRow | null> {
  const found = await engine.get({ key: checkpointKey(sequence) });
  return found && decodeCheckpointBody(sequence, found.row.body);
}

/** Are as many newer ones there as are kept? Then its row is gone, and says nothing any more. */
async function isForgotten(engine: StorageEngine, sequence: number): Promise<boolean> {
  const [start, end] = checkpointRange;
  const page = await engine.scan({ start, end, limit: checkpointsKept, textFrom: 0 });
  return page.count >= checkpointsKept && page.revision(0) > sequence;
}
