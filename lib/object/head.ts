// head and has: what is known of an object without its bytes.
import { type StoreContext, underBucket } from '../context/store-context.ts';
import { objectRowKey } from '../engine/row-key.ts';
import type { Row } from '../engine/storage-engine.ts';
import { StoreError } from '../errors.ts';
import { checkObjectKey } from '../name/object-key.ts';
import { aborted, checkOptions, checkSignal } from '../options.ts';
import { type Condition, readCondition, readRefusal } from './condition.ts';
import { ObjectView, RowEntry } from './object-view.ts';
import type { HasOptions, HeadOptions, StoredObject } from './types.ts';

const known: ReadonlySet<string> = new Set(['onlyIf', 'signal']);
const knownToHas: ReadonlySet<string> = new Set(['signal']);

export async function headObject(
  context: StoreContext,
  bucketName: string,
  key: string,
  options?: HeadOptions,
): Promise<StoredObject | null> {
  checkObjectKey(key); // InvalidObjectName
  const condition = options === undefined ? null : checkHeadOptions(options); // InvalidArgument
  const row = await findRow(context, bucketName, key, options);
  if (row === null) return null;
  const refusal = condition === null ? null : readRefusal(condition, row);
  if (refusal !== null) throw new StoreError(refusal, undefined, { bucket: bucketName, key });
  return new ObjectView(bucketName, new RowEntry(key, row), 0);
}

export async function hasObject(
  context: StoreContext,
  bucketName: string,
  key: string,
  options?: HasOptions,
): Promise<boolean> {
  checkObjectKey(key); // InvalidObjectName
  if (options !== undefined) {
    checkOptions('has', options, knownToHas); // InvalidArgument
    checkSignal('has', options.signal); // ABORTED
  }
  return (await findRow(context, bucketName, key, options)) !== null;
}

function checkHeadOptions(options: HeadOptions): Condition | null {
  checkOptions('head', options, known);
  const { onlyIf } = options;
  const condition = onlyIf === undefined ? null : readCondition('head', onlyIf);
  checkSignal('head', options.signal); // ABORTED
  return condition;
}

async function findRow(
  context: StoreContext,
  bucketName: string,
  key: string,
  options: HasOptions | undefined,
): Promise<Row | null> {
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
