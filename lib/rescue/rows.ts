// From the rows that are left of a history to buckets and objects.
import { decodeBucketRow } from '../context/bucket-row.ts';
import { checkBucketName } from '../name/bucket-name.ts';
import type { OpenedZones } from './opened-zones.ts';
import { type Counted, readRow } from './record.ts';
import { type BucketKey, openBucketKey, type PartRow, RescuedObject } from './rescued-object.ts';
import type { StoreKeys } from './superblock.ts';
import type { Finding } from './zone-folder.ts';

/** Row key (as latin1, one character a byte) to row. */
export type Rows = Map<string, Buffer>;

interface Bucket {
  readonly name: string;
  readonly created: Date;
  readonly key: BucketKey;
}

export interface Told {
  readonly buckets: readonly { readonly name: string; readonly created: Date }[];
  readonly objects: readonly RescuedObject[];
  /** Objects that were there and cannot be told. */
  readonly lost: number;
}

/** By bucket and key. A row that does not parse is a finding, and the others go on. */
export function tellObjects(rows: Rows, opened: OpenedZones, findings: Finding[]): Told {
  const { keys, inOrder, keepsWhole } = opened;
  let lost = 0;
  const find = (what: string): void => void findings.push({ zone: '', what });
  const buckets = bucketsIn(rows, keys, find);
  const parts = partsIn(rows);
  const source = {
    storeId: keys.storeId,
    zones: inOrder,
    countedOf: (id: Buffer): Counted | undefined => {
      const row = rows.get(`B${id.toString('latin1')}`);
      const counted = row === undefined ? undefined : readRow(row).counted;
      return keepsWhole && counted !== undefined ? wholeOf(counted) : counted;
    },
    partsOf: (id: Buffer): readonly PartRow[] => parts.get(id.toString('latin1')) ?? [],
  };
  const objects: RescuedObject[] = [];
  for (const [rowKey, row] of rows) {
    if (rowKey[0] !== 'o') continue;
    try {
      const bucket = buckets.get(rowKey.slice(1, 9));
      if (bucket === undefined) throw new Error('the row of its bucket is lost');
      objects.push(new RescuedObject(bucket.name, rowKey, readRow(row), bucket.key, source));
    } catch (error) {
      lost++;
      find(`an object that cannot be told: ${(error as Error).message}`);
    }
  }
  objects.sort((a, b) => compare(a.bucket, b.bucket) || compare(a.key, b.key));
  const told = [...buckets.values()].map(({ name, created }) => ({ name, created }));
  return { buckets: told.sort((a, b) => compare(a.name, b.name)), objects, lost };
}

/** Where a backup has the blob (docs/format/blob-file.md): in one piece, under the next number. */
function wholeOf(counted: Counted): Counted {
  const { placement, k, m } = counted;
  return k === 1 && m === 0
    ? counted
    : { ...counted, placement: (placement + 1) & 0xffff, k: 1, m: 0 };
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

/** By id, as latin1. */
function bucketsIn(rows: Rows, keys: StoreKeys, find: (what: string) => void): Map<string, Bucket> {
  const buckets = new Map<string, Bucket>();
  for (const [rowKey, row] of rows) {
    if (rowKey[0] !== 'b') continue;
    try {
      const name = rowKey.slice(1);
      checkBucketName(name);
      const { id, created, wrapped } = decodeBucketRow(readRow(row).body);
      const key = openBucketKey(keys, Buffer.from(id), Buffer.from(wrapped));
      buckets.set(Buffer.from(id).toString('latin1'), { name, created: new Date(created), key });
    } catch (error) {
      find(`a bucket that cannot be told: ${(error as Error).message}`);
    }
  }
  return buckets;
}

/** By the id of their list, as latin1, each in order of positions. */
function partsIn(rows: Rows): Map<string, PartRow[]> {
  const parts = new Map<string, PartRow[]>();
  for (const [rowKey, row] of rows) {
    if (rowKey[0] !== 'P') continue;
    const list = rowKey.slice(1, 17);
    const part = { position: Buffer.from(rowKey, 'latin1').readBigUInt64BE(17), row };
    const known = parts.get(list);
    if (known === undefined) parts.set(list, [part]);
    else known.push(part);
  }
  for (const list of parts.values()) list.sort((a, b) => (a.position < b.position ? -1 : 1));
  return parts;
}
