// Fails when an addon needs a newer C or C++ library than Node itself does.
//   node scripts/floor-check.mjs [FILE...]
// Reads the table of dynamic symbols, so it also judges an addon for another processor.
import { spawnSync } from 'node:child_process';
import { pathToFileURL } from 'node:url';

/** The oldest system that an official Node 20 runs on: glibc 2.28, libstdc++ of GCC 8. */
export const floor = { GLIBC: '2.28', GLIBCXX: '3.4.25', CXXABI: '1.3.11' };

function isNewer(version, than) {
  const [a, b] = [version, than].map((text) => text.split('.').map(Number));
  for (let i = 0; i < Math.max(a.length, b.length); i++) {
    if ((a[i] ?? 0) !== (b[i] ?? 0)) return (a[i] ?? 0) > (b[i] ?? 0);
  }
  return false;
}

/** The needed symbols in the output of `readelf --dyn-syms` that only newer libraries have. */
export function aboveFloor(dynamicSymbols) {
  const needed = / UND ([^\s@]+)@+(GLIBC|GLIBCXX|CXXABI)_([\d.]+)/g;
  return [...dynamicSymbols.matchAll(needed)]
    .filter(([, , library, version]) => isNewer(version, floor[library]))
    .map(([, symbol, library, version]) => `${symbol}@${library}_${version}`);
}

function check(file) {
  const { stdout, error, status } = spawnSync('readelf', ['-W', '--dyn-syms', file], {
    encoding: 'utf8',
    maxBuffer: 1 << 28,
  });
  if (error || status !== 0) {
    console.error(`${file}: readelf (Debian package binutils) cannot read it`);
    return false;
  }
  const above = aboveFloor(stdout);
  for (const symbol of above) console.error(`${file}: ${symbol} is above the floor`);
  if (above.length > 0) {
    console.error('bind it in native/base/glibc_floor.h, define it in floor.cc, or do without it');
  }
  return above.length === 0;
}

function main() {
  const given = process.argv.slice(2);
  // Only glibc systems have a floor; elsewhere the built addon has nothing to check.
  if (given.length === 0 && !process.report.getReport().header.glibcVersionRuntime) return;
  const files = given.length > 0 ? given : ['build/Release/strongroom.node'];
  if (!files.map(check).every(Boolean)) process.exit(1);
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) main();
