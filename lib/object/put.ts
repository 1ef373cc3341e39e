// put: one body under one key, whole or not at all.
//
//   check the arguments → find the bucket → seal the body → commit, if the bucket stands as it was
//
// A small body is sealed in the commit itself. Nothing of the object is visible before the commit,
// and whatever fails on the way leaves nothing of it. A bucket that was missing stays, though: its
// key seals the body, and others may have put into it meanwhile.
import type { KnownBucket } from '../context/bucket-directory.ts';
import type { StoreContext } from '../context/store-context.ts';
import { checkObjectKey } from '../name/object-key.ts';
import { type OpenedBody, openBody } from './body.ts';
import { bucketForWrite, commitObject, currentCheck } from './commit-object.ts';
import { withChecksums } from './object-row.ts';
import { ProgressMeter } from './progress.ts';
import { type PutPlan, planPut } from './put-plan.ts';
import type { Body, PutOptions, StoredObject } from './types.ts';
import { checked, type Sealed, sealBody, wrongSize } from './upload.ts';

export async function putObject(
  context: StoreContext,
  bucketName: string,
  key: string,
  body: Body,
  options?: PutOptions,
): Promise<StoredObject> {
  const opened = openBody(body); // TypeError, IncompleteBody
  try {
    checkObjectKey(key); // InvalidObjectName
    const plan = planPut('put', options, opened.type); // InvalidArgument, ABORTED
    context.enter(); // STORE_CLOSED
    try {
      const { checksums, condition, signal } = plan;
      const small = smallBytes(context, opened, plan); // IncompleteBody
      const meter = meterFor(context, opened, plan);
      const bucket = await findBucket(context, bucketName, key, plan, !!small); // NoSuchBucket
      // A small body is sealed in the commit; here it is only compared, where that was asked for.
      const { blob, digests }: Omit<Sealed, 'size'> = small
        ? {
            blob: { bytes: small, kek: bucket.kek },
            digests: checksums && (await checked(context.engine, checksums, small)),
          }
        : await uploadBlob(context, bucket, key, opened, plan, meter); // ABORTED, IncompleteBody
      const header = digests === null ? plan.header : withChecksums(plan.header, digests);
      const object = { key, header, blob, condition, signal };
      const stored = await commitObject(context, bucket, object);
      if (small) meter?.add(small.length);
      meter?.end();
      return stored;
    } finally {
      context.leave();
    }
  } catch (error) {
    // A body that was handed over is let go of, as node's pipeline() does.
    opened.pieces?.cancel();
    throw error;
  }
}

/**
 * The bytes of a body that is in memory and small; else null. They are our own from the first turn
 * on: a commit may have to be tried again when the caller's buffer has changed or gone.
 */
function smallBytes(
  context: StoreContext,
  { bytes }: OpenedBody,
  { size }: PutPlan,
): Uint8Array | null {
  if (bytes === null) return null;
  if (size !== undefined && size !== bytes.size) throw wrongSize(bytes.size, size);
  return bytes.size <= context.engine.smallBlobMax ? bytes.own() : null;
}

function meterFor(
  context: StoreContext,
  { bytes, pieces }: OpenedBody,
  { onProgress, size }: PutPlan,
): ProgressMeter | null {
  if (onProgress === undefined) return null;
  return new ProgressMeter(onProgress, size ?? bytes?.size ?? pieces?.size, context.events);
}

/**
 * A known bucket will do where a refused commit costs nothing; before an upload it is read anew.
 */
function findBucket(
  context: StoreContext,
  name: string,
  key: string,
  { condition, signal }: PutPlan,
  knownWillDo: boolean,
): KnownBucket | Promise<KnownBucket> {
  const bucket = knownWillDo ? context.buckets.known(name) : undefined;
  return bucket ?? bucketForWrite(context, name, { key, condition, signal });
}

async function uploadBlob(
  context: StoreContext,
  bucket: KnownBucket,
  key: string,
  body: OpenedBody,
  { condition, checksums, signal, size }: PutPlan,
  meter: ProgressMeter | null,
): Promise<Sealed> {
  context.now(); // A clock that is unfit must say so before the body is read, not after.
  // A condition that fails already spares the upload; the one that counts is in the commit.
  if (condition !== null) await currentCheck(context, bucket, key, condition);
  return sealBody(context, body, bucket.kek, { size, checksums, meter, signal });
}
