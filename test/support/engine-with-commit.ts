// A store over an engine whose commits a test takes into its own hands.
import { Events } from '../../lib/context/events.ts';
import { StoreContext } from '../../lib/context/store-context.ts';
import type { StorageEngine } from '../../lib/engine/storage-engine.ts';
import { Store } from '../../lib/store/store.ts';

/** Makes missing buckets, as openMemory() does. */
export function storeOver(engine: StorageEngine): Store {
  const events = new Events(':memory:', undefined);
  const options = { autoCreateBuckets: true, now: Date.now };
  return new Store(':memory:', new StoreContext(engine, events, options));
}

export function engineWithCommit(
  engine: StorageEngine,
  commit: StorageEngine['commit'],
): StorageEngine {
  return new Proxy(engine, {
    get: (target, name) => {
      if (name === 'commit') return commit;
      const value = Reflect.get(target, name, target);
      return typeof value === 'function' ? value.bind(target) : value;
    },
  });
}
