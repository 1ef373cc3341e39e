// Both suites over the embedded engine: on one zone, and on three.
import { join } from 'node:path';
import { openEmbedded } from '../../lib/engine/embedded-engine.ts';
import { open } from '../../lib/index.ts';
import { temporaryFolder, withAddon } from '../support/addon.ts';
import { engineSuite } from './engine-suite.ts';
import { storeSuite } from './store-suite.ts';

for (const zones of [1, 3] as const) {
  const name = zones === 1 ? 'one zone' : 'three zones';

  storeSuite(withAddon, name, async (t, options) => {
    const store = await open(join(await temporaryFolder(t), 'data'), { zones, ...options });
    t.teardown(() => store.close());
    return store;
  });

  engineSuite(withAddon, name, async (t) => {
    const folder = await temporaryFolder(t);
    const engine = await openEmbedded({
      zones: Array.from({ length: zones }, (_, i) => join(folder, `zone-${i + 1}`)),
      create: true,
      readOnly: false,
      rootKey: new Uint8Array(32).fill(7),
      rootHint: Uint8Array.of(1, 0),
      zoneDeadlineMs: 2000,
      small: zones === 1 ? '1+0' : '1+2',
      large: zones === 1 ? '1+0' : '4+2',
      largeFrom: 256 * 1024,
    });
    t.teardown(() => engine.close());
    return engine;
  });
}
