// ava's deepEqual looks at each byte of an array as at a property: seconds for a megabyte. Loaded
// into every test process, this lets equal arrays of bytes pass at once; for others ava works out
// the difference as always.
import concordance from 'concordance';

const { compare } = concordance;
const areEqualBytes = (a, b) =>
  a instanceof Uint8Array &&
  b instanceof Uint8Array &&
  Object.getPrototypeOf(a) === Object.getPrototypeOf(b) &&
  Buffer.compare(a, b) === 0;

concordance.compare = (actual, expected, options) =>
  areEqualBytes(actual, expected) ? { pass: true } : compare(actual, expected, options);
