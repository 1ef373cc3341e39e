// The version that a call asks for: by its id, or as of a moment.
import { invalidArgument, StoreError } from '../errors.ts';
import { parseVersionId } from '../versioning/version-id.ts';
import type { FoundVersion, WantedVersion } from './find-version.ts';

/** Null: what stands. InvalidArgument, TypeError. */
export function wantedVersion(
  call: string,
  { versionId, at }: { versionId?: string | undefined; at?: Date | string | undefined },
): WantedVersion | null {
  if (versionId !== undefined && at !== undefined)
    throw invalidArgument(`${call}: versionId and at each name a version`);
  if (versionId !== undefined) return { version: parseVersionId(call, versionId) };
  return at === undefined ? null : { at: momentOption(call, 'at', at) };
}

/** Milliseconds since 1970. */
export function momentOption(call: string, name: string, given: Date | string): number {
  if (typeof given !== 'string' && !(given instanceof Date))
    throw new TypeError(`${call}: ${name} must be a Date or a text that is one`);
  const time = new Date(given).getTime();
  if (Number.isNaN(time)) throw invalidArgument(`${call}: ${name} is no moment in time`);
  return time;
}

/** What may be read of it; null: there was no object at that moment. NoSuchVersion. */
export function readableVersion(
  found: FoundVersion | null,
  wanted: WantedVersion,
  place: { readonly bucket: string; readonly key: string },
): FoundVersion | null {
  if ('at' in wanted) return found === null || found.isMarker ? null : found;
  if (found === null) throw new StoreError('NoSuchVersion', undefined, place);
  if (found.isMarker)
    throw new StoreError('MethodNotAllowed', 'the version is a delete marker', place);
  return found;
}
