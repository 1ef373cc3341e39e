// Options at the door: unknown names are refused, and the nearest known one is named.
import { invalidArgument, StoreError } from './errors.ts';

/**
 * Throws TypeError when `given` is no object and InvalidArgument when it has a name that `known`
 * lacks. Names whose value is undefined count as absent.
 */
export function checkOptions(call: string, given: object, known: ReadonlySet<string>): void {
  if (!isRecord(given)) throw new TypeError(`${call}: options must be a plain object`);
  for (const name of Object.keys(given))
    if (!known.has(name)) throw unknownOption(call, name, known);
}

/** checkOptions, and a copy: each option is read once, before the caller can change it. */
export function readOptions<T extends object>(
  call: string,
  given: T,
  known: ReadonlySet<string>,
): T {
  checkOptions(call, given, known);
  const own: Record<string, unknown> = {};
  for (const name of known) {
    const value = (given as Record<string, unknown>)[name];
    if (value !== undefined) own[name] = value;
  }
  return own as T;
}

/**
 * An object whose properties say what it holds. A Map, Headers, Date or signal has none of its own:
 * taken for options, it would say nothing, and a condition in it would be no condition.
 */
export function isRecord(given: unknown): given is Record<string, unknown> {
  if (typeof given !== 'object' || given === null) return false;
  return Object.prototype.toString.call(given) === '[object Object]';
}

function unknownOption(call: string, name: string, known: ReadonlySet<string>): StoreError {
  const near = nearest(name, known);
  const advice = near === undefined ? '' : `; did you mean ${JSON.stringify(near)}?`;
  return invalidArgument(`${call}: unknown option ${JSON.stringify(name.slice(0, 100))}${advice}`);
}

/** The known name with the fewest edits, if they are few enough to be a slip. */
export function nearest(name: string, known: Iterable<string>): string | undefined {
  let best: string | undefined;
  let bestEdits = Math.max(3, name.length / 2);
  for (const candidate of known) {
    const edits = editDistance(name.toLowerCase().slice(0, 100), candidate.toLowerCase());
    if (edits < bestEdits) [best, bestEdits] = [candidate, edits];
  }
  return best;
}

/** Levenshtein's: the fewest insertions, deletions and exchanges that turn a into b. */
function editDistance(a: string, b: string): number {
  let above = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 1; i <= a.length; i++) {
    const row = [i];
    for (let j = 1; j <= b.length; j++) {
      const exchange = (above[j - 1] ?? 0) + (a[i - 1] === b[j - 1] ? 0 : 1);
      row.push(Math.min(exchange, (above[j] ?? 0) + 1, (row[j - 1] ?? 0) + 1));
    }
    above = row;
  }
  return above[b.length] ?? 0;
}

/** TypeError unless absent or a boolean; `fallback` when absent. */
export function booleanOption(
  call: string,
  name: string,
  value: unknown,
  fallback: boolean,
): boolean {
  if (value === undefined) return fallback;
  if (typeof value !== 'boolean') throw new TypeError(`${call}: ${name} must be a boolean`);
  return value;
}

/** TypeError unless absent or a function. */
export function functionOption(call: string, name: string, value: unknown): void {
  if (value !== undefined && typeof value !== 'function')
    throw new TypeError(`${call}: ${name} must be a function`);
}

/** TypeError unless absent or a number, InvalidArgument unless an integer from min to max. */
export function integerOption(
  call: string,
  name: string,
  value: unknown,
  min: number,
  max: number = Number.MAX_SAFE_INTEGER,
): number | undefined {
  if (value === undefined) return undefined;
  if (typeof value !== 'number') throw new TypeError(`${call}: ${name} must be a number`);
  if (!Number.isSafeInteger(value) || value < min || value > max)
    throw invalidArgument(
      `${call}: ${name} must be an integer from ${min} to ${max}, not ${value}`,
    );
  return value;
}

/** TypeError unless absent or an AbortSignal; ABORTED when it has fired already. */
export function checkSignal(call: string, signal: AbortSignal | undefined): void {
  if (signal === undefined) return;
  if (!isSignal(signal)) throw new TypeError(`${call}: signal must be an AbortSignal`);
  if (signal.aborted) throw aborted(signal);
}

/** By shape: another realm or a polyfill may have made it. */
function isSignal(given: unknown): given is AbortSignal {
  if (typeof given !== 'object' || given === null) return false;
  const { aborted, addEventListener, removeEventListener } = given as AbortSignal;
  return (
    typeof aborted === 'boolean' &&
    typeof addEventListener === 'function' &&
    typeof removeEventListener === 'function'
  );
}

interface Ear {
  readonly calls: Set<() => void>;
  readonly onAbort: () => void;
}
const ears = new WeakMap<AbortSignal, Ear>();

/**
 * Calls `call` when the signal fires. Many calls on one signal, such as that of a shutdown, share
 * one listener, since Node takes more than ten for a leak. `call` must not throw.
 */
export function hear(signal: AbortSignal | undefined, call: () => void): void {
  if (signal === undefined) return;
  let ear = ears.get(signal);
  if (ear === undefined) {
    const calls = new Set<() => void>();
    ear = { calls, onAbort: () => callAll(calls) };
    ears.set(signal, ear);
  }
  if (ear.calls.size === 0) signal.addEventListener('abort', ear.onAbort);
  ear.calls.add(call);
}

function callAll(calls: ReadonlySet<() => void>): void {
  for (const call of calls) call();
}

/** The end of hear(). */
export function unhear(signal: AbortSignal | undefined, call: () => void): void {
  const ear = signal && ears.get(signal);
  if (ear?.calls.delete(call) && ear.calls.size === 0)
    signal?.removeEventListener('abort', ear.onAbort);
}

/** The error of a call whose signal fired; the signal's reason is its cause. */
export function aborted(signal: AbortSignal): StoreError {
  return new StoreError('ABORTED', undefined, { cause: signal.reason });
}
