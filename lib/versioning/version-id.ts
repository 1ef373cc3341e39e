// Version ids as callers see them: the number of the commit that made the version, as 16 hex
// digits, so that of one key the later id is the greater text; or `null`, for the one version that
// was written while its bucket kept none.
import { invalidArgument } from '../errors.ts';

const idForm = /^[0-9a-f]{16}$/;
export const nullVersionId = 'null';

/** A version, by the number of its commit; null: the null version. */
export type VersionNumber = number | null;

export function encodeVersionId(version: VersionNumber): string {
  return version === null ? nullVersionId : version.toString(16).padStart(16, '0');
}

/** InvalidArgument for what is no version id. */
export function parseVersionId(call: string, text: string): VersionNumber {
  if (typeof text !== 'string') throw new TypeError(`${call}: versionId must be a string`);
  if (text === nullVersionId) return null;
  const version = idForm.test(text) ? Number.parseInt(text, 16) : 0;
  if (!Number.isSafeInteger(version) || version === 0)
    throw invalidArgument(`${call}: versionId must be 16 hex digits, as a put gave them, or null`);
  return version;
}
