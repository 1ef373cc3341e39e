// Node 22 and later strip types themselves; on Node 20 tsx does it.
const strips = Boolean(process.features.typescript);

export default {
  files: ['test/**/*.test.ts'],
  extensions: strips ? ['ts'] : { ts: 'module' },
  nodeArguments: strips ? [] : ['--import=tsx'],
  require: ['./test/support/bytes-at-once.mjs'],
  workerThreads: false,
  timeout: '60s',
};
