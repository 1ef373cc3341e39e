// Both suites over the in-memory model.
import test from 'ava';
import { MemoryEngine } from '../../lib/engine/memory-engine.ts';
import { openMemory } from '../../lib/index.ts';
import { engineSuite } from './engine-suite.ts';
import { storeSuite } from './store-suite.ts';

storeSuite(test, 'memory', async (t, options) => {
  const store = await openMemory(options);
  t.teardown(() => store.close());
  return store;
});

engineSuite(test, 'memory', async (t) => {
  const engine = new MemoryEngine();
  t.teardown(() => engine.close());
  return engine;
});
