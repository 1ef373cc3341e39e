// What a workload does, from its seed alone, and what a store may hold when it was cut off.
import { createCipheriv, createHash } from 'node:crypto';

/** A generator that is the same everywhere (mulberry32). */
export function randomOf(seed) {
  let state = seed >>> 0;
  return (below) => {
    state = (state + 0x6d2b79f5) >>> 0;
    let x = Math.imul(state ^ (state >>> 15), state | 1);
    x ^= x + Math.imul(x ^ (x >>> 7), x | 61);
    return ((x ^ (x >>> 14)) >>> 0) % below;
  };
}

/** The bytes of a body that no other body has. */
export function bytesOf({ tag, size }) {
  const key = createHash('sha256').update(tag).digest().subarray(0, 16);
  return createCipheriv('aes-128-ctr', key, Buffer.alloc(16)).update(Buffer.alloc(size));
}

const keyCount = 24;
const partSize = 100 * 1024;

/**
 * Rounds of steps. The steps of a round run at the same time and touch no key in common.
 * @returns {Step[][]} `{id, kind, effects: [key, {tag, size} | null][]}`; of a copy its `source`,
 *   too
 */
export function planOf(seed, rounds) {
  const random = randomOf(seed);
  const settled = new Map();
  let ids = 0;
  return Array.from({ length: rounds }, () => {
    const free = Array.from({ length: keyCount }, (_, i) => `key-${i}`);
    const take = () => free.splice(random(free.length), 1)[0];
    const steps = Array.from({ length: 1 + random(4) }, () => {
      const id = ids++;
      const body = (size, part = '') => ({ tag: `${seed}/${id}${part}`, size });
      const kind = random(100);
      const key = take();
      const source = [...settled].filter(([name, of]) => of !== null && free.includes(name))[0];
      if (kind < 45) return step(id, 'put', [[key, body(random(4000))]]);
      if (kind < 57) return step(id, 'put', [[key, body(262_144 + random(80_000))]]);
      if (kind < 72) return step(id, 'remove', [[key, null]]);
      if (kind < 80 && source) {
        free.splice(free.indexOf(source[0]), 1);
        return { ...step(id, 'copy', [[key, source[1]]]), source: source[0] };
      }
      if (kind < 90) {
        const keys = [key, take(), take()];
        const effects = keys.map((name, i) => [name, i === 2 ? null : body(random(2000), `-${i}`)]);
        return step(id, 'transaction', effects);
      }
      if (kind < 95) return step(id, 'upload', [[key, body(partSize + 1 + random(partSize))]]);
      return step(id, 'compact', []);
    });
    for (const { effects } of steps) for (const [key, body] of effects) settled.set(key, body);
    if (random(12) === 0) steps.push({ ...step(ids++, 'reopen', []), last: true });
    return steps;
  });
}

const step = (id, kind, effects) => ({ id, kind, effects });

export { partSize };

/**
 * What is wrong with what was found, or null. Of a step that had begun and was not acknowledged,
 * everything or nothing may be there.
 * @param found key to {@link bytesOf} as found
 */
export function faultIn(plan, begun, acknowledged, found) {
  const settled = new Map();
  const open = [];
  for (const { id, effects } of plan.flat()) {
    if (!begun.has(id)) continue;
    if (!acknowledged.has(id)) open.push(effects);
    else for (const [key, body] of effects) settled.set(key, body);
  }
  for (const effects of open) {
    const did = effects.map(([key, body]) => isBody(found.get(key), body));
    const didNot = effects.map(([key]) => isBody(found.get(key), settled.get(key) ?? null));
    if (did.every(Boolean)) for (const [key, body] of effects) settled.set(key, body);
    else if (!didNot.every(Boolean)) return `torn: ${effects.map(([key]) => key).join(', ')}`;
  }
  for (const [key, body] of settled) {
    if (isBody(found.get(key), body)) continue;
    if (body === null) return `resurrected: ${key}`;
    return found.has(key) ? `wrong: ${key}` : `lost: ${key}`;
  }
  for (const key of found.keys()) if (!settled.has(key)) return `invented: ${key}`;
  return null;
}

function isBody(bytes, body) {
  if (body === null) return bytes === undefined;
  return bytes !== undefined && bytesOf(body).equals(bytes);
}
