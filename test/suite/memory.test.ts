// The store over the in-memory model.
import test from 'ava';
import { openMemory } from '../../lib/index.ts';
import { storeSuite } from './store-suite.ts';

storeSuite(test, 'memory', async (t, options) => {
  const store = await openMemory(options);
  t.teardown(() => store.close());
  return store;
});
