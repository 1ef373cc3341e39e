// Which parts make an object, and what it then is: pure decisions over the parts that are stored.
import { setImmediate as turn } from 'node:timers/promises';
import { combineCrc64 } from '../crc64.ts';
import { invalidArgument, StoreError } from '../errors.ts';
import { etagOf } from './object-view.ts';
import { type PartsLayout, partNumberMax, signpostEvery } from './part-list.ts';
import type { UploadedPart } from './types.ts';

/** 100 KB, as in OSS: of every part but the last. */
const partSizeMin = 100 * 1024;
/** 48.8 TB, as in OSS. */
const objectSizeMax = 48.8 * 2 ** 40;
/** Parts whose checksums are combined before the event loop gets a turn. */
const turnEvery = 250;

export interface StoredPart {
  /** Its number. */
  readonly position: number;
  readonly id: string;
  readonly size: number;
  readonly crc64: string;
  readonly revision: number;
}

export interface AssembledParts {
  readonly size: number;
  readonly crc64: string;
  readonly layout: PartsLayout;
  /** Positions of the parts that are left out. */
  readonly left: readonly number[];
}

/**
 * `named`: those that the caller wants, or null for all. InvalidPart, EntityTooSmall,
 * EntityTooLarge, InvalidArgument where there are none.
 */
export async function assemble(
  stored: readonly StoredPart[],
  named: readonly UploadedPart[] | null,
): Promise<AssembledParts> {
  const chosen = named === null ? stored : choose(stored, named);
  if (chosen.length === 0) throw invalidArgument('complete: the upload has no parts');
  const small = chosen.find(({ size }, i) => size < partSizeMin && i + 1 < chosen.length);
  if (small !== undefined)
    throw new StoreError('EntityTooSmall', `part ${small.position} has ${small.size} bytes`);
  let [size, crc64] = [0, '0'];
  const signposts = [];
  for (const [i, part] of chosen.entries()) {
    if (i > 0 && i % signpostEvery === 0) signposts.push({ position: part.position, offset: size });
    if (i > 0 && i % turnEvery === 0) await turn();
    crc64 = combineCrc64(crc64, part.crc64, part.size);
    size += part.size;
  }
  if (size > objectSizeMax) throw new StoreError('EntityTooLarge');
  const positions = new Set(chosen.map(({ position }) => position));
  const left = stored.flatMap(({ position }) => (positions.has(position) ? [] : [position]));
  const selection = left.length === 0 ? null : bitsOf(positions);
  return { size, crc64, layout: { byNumber: true, signposts, selection }, left };
}

function choose(
  stored: readonly StoredPart[],
  named: readonly UploadedPart[],
): readonly StoredPart[] {
  const byNumber = new Map(stored.map((part) => [part.position, part]));
  return named.map(({ partNumber, etag }) => {
    const part = byNumber.get(partNumber);
    if (part === undefined || etagOf(part.id).slice(1, -1) !== etag.replace(/^"(.*)"$/, '$1'))
      throw new StoreError('InvalidPart', `part ${partNumber} is missing or was uploaded anew`);
    return part;
  });
}

function bitsOf(positions: ReadonlySet<number>): Uint8Array {
  const bits = new Uint8Array((partNumberMax >>> 3) + 1);
  for (const position of positions)
    bits[position >>> 3] = (bits[position >>> 3] as number) | (1 << (position & 7));
  return bits;
}
