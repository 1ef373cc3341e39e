// Errors as answers: refusals, which have a code of OSS, as they are; failures without particulars,
// since those name paths and disks that are none of a client's business.
import { StoreError } from '../errors.ts';

/** Whether the client can do something about it. */
export function isRefusal(error: unknown): error is StoreError {
  return StoreError.is(error) && error.status < 500;
}

export function refusal(error: StoreError, status: number = error.status): Response {
  return answer(status, error.code, error.message, error.requestId);
}

/** A bug, a broken disk, a closed store. */
export function failure(error: unknown): Response {
  const requestId = StoreError.is(error) ? error.requestId : undefined;
  return StoreError.is(error) && error.status === 503
    ? answer(503, 'ServiceUnavailable', 'the store cannot do that now', requestId)
    : answer(500, 'InternalError', 'the request failed', requestId);
}

function answer(
  status: number,
  code: string,
  message: string,
  requestId: string | undefined,
): Response {
  return new Response(JSON.stringify({ code, message, requestId }), {
    status,
    headers: { 'content-type': 'application/json', 'x-content-type-options': 'nosniff' },
  });
}
