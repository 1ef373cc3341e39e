// head and has: what is known of an object without its bytes.
import { type StoreContext, underBucket } from '../context/store-context.ts';
import { objectRowKey } from '../engine/row-key.ts';
import type { Row } from '../engine/storage-engine.ts';
import { checkObjectKey } from '../name/object-key.ts';
import { aborted, checkOptions, checkSignal } from '../options.ts';
import { ObjectView, RowEntry } from './object-view.ts';
import type { HeadOptions, StoredObject } from './types.ts';

const known: ReadonlySet<string> = new Set(['signal']);

export async function headObject(
  context: StoreContext,
  bucketName: string,
  key: string,
  options?: HeadOptions,
): Promise<StoredObject | null> {
  const row = await findRow(context, bucketName, key, options);
  return row === null ? null : new ObjectView(bucketName, new RowEntry(key, row), 0);
}

export async function hasObject(
  context: StoreContext,
  bucketName: string,
  key: string,
  options?: HeadOptions,
): Promise<boolean> {
  return (await findRow(context, bucketName, key, options)) !== null;
}

async function findRow(
  context: StoreContext,
  bucketName: string,
  key: string,
  options: HeadOptions | undefined,
): Promise<Row | null> {
  checkObjectKey(key); // InvalidObjectName
  if (options !== undefined) {
    checkOptions('head', options, known); // InvalidArgument
    checkSignal('head', options.signal); // ABORTED
  }
  context.enter(); // STORE_CLOSED
  try {
    const found = await underBucket(context, bucketName, ({ check, row }) =>
      context.engine.get({ key: objectRowKey(row.id, key), check }),
    ); // NoSuchBucket
    if (options?.signal?.aborted) throw aborted(options.signal);
    return found?.row ?? null;
  } finally {
    context.leave();
  }
}
