// Node 22 and later strip types themselves, but know `await using` from 24 on; before, tsx does it.
const strips = Number(process.versions.node.split('.')[0]) >= 24;

export default {
  files: ['test/**/*.test.ts'],
  extensions: { ts: 'module' },
  nodeArguments: strips ? [] : ['--import=tsx'],
  require: ['./test/support/bytes-at-once.mjs'],
  workerThreads: false,
  timeout: '60s',
};
