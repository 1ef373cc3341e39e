// The exit codes of every command: 0 done, 1 error, 2 usage, 3 not found, 4 denied, 5 corrupt.
import { StoreError } from '../index.ts';

export const exitCodes = { error: 1, usage: 2, notFound: 3, denied: 4, corrupt: 5 } as const;

export function exitCodeOf(error: unknown): number {
  if (isMissingFile(error)) return exitCodes.notFound;
  if (!StoreError.is(error)) return exitCodes.error;
  const { code, status } = error;
  if (code === 'STORE_CORRUPT' || code === 'DECRYPT_FAILED') return exitCodes.corrupt;
  if (status === 404) return exitCodes.notFound;
  return status === 403 ? exitCodes.denied : exitCodes.error;
}

function isMissingFile(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 'ENOENT';
}
