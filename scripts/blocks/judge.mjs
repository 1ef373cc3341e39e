// Judges one lane's share of the states of a recording: each is written to an image, mounted by the
// kernel, which replays the file system's journal, and compared with what the workload had been
// told: once as the rescue reader tells it, then as the store's own recovery opens it, and then the
// two with each other. Which zone is missing, and which index, the state says. A line of JSON each.
//   node judge.mjs '{"recording","image","folder","size","zones","seed","rounds","lane","lanes",
//     "lie","most"}'
import {
  closeSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  renameSync,
  rmSync,
  writeSync,
} from 'node:fs';
import { join } from 'node:path';
import { faultIn, planOf, randomOf } from './plan.mjs';
import { statesOf } from './recording.mjs';
import { Shell } from './shell.mjs';
import { openStore, readAll, rescueAll, zonesOf } from './store.mjs';

const given = JSON.parse(process.argv[2]);
const { recording, image, folder, size, zones, seed, rounds, lane, lanes, lie, most } = given;
const plan = planOf(seed, rounds);
mkdirSync(folder, { recursive: true });
const file = openSync(image, 'w+');
writeSync(file, Buffer.alloc(size), 0, size, 0);
const shell = new Shell(); // Before there is much to fork.
const device = await shell.run('losetup', '--find', '--show', image);

try {
  const seen = new Set();
  const states = statesOf(readFileSync(recording), size, randomOf(seed), { lie });
  for (const { disk, marks } of states) {
    const state = `${disk.sum.toString(16)}/${marks.length}`;
    if (Number(disk.sum % BigInt(lanes)) !== lane || seen.has(state)) continue;
    if (seen.size === most) break;
    seen.add(state);
    console.log(JSON.stringify({ state, fault: await judge(disk, marks) }));
  }
} finally {
  await shell.run('losetup', '--detach', device);
  await shell.end();
  closeSync(file);
}

async function judge(disk, marks) {
  for (let at = 0; at < size; ) at += writeSync(file, disk.bytes, at, size - at, at);
  try {
    await shell.run('mount', '-t', 'ext4', device, folder);
  } catch (error) {
    return `not mounted: ${error.message}`;
  }
  const fault = await faultAt(marks, handicapOf(disk));
  try {
    await shell.run('umount', folder);
    return fault;
  } catch (error) {
    // What is closed, or did not open, holds nothing open.
    const inUse = openFiles();
    await shell.run('umount', '--lazy', folder);
    return `${fault ?? ''} not unmounted: ${error.message}, open are ${inUse}`;
  }
}

/** What the state is judged without: with three zones one or none, then one index, all or none. */
function handicapOf({ sum }) {
  const among = (bits, count) => Number((sum >> BigInt(bits)) % BigInt(count));
  const all = zonesOf(folder, zones);
  const away = zones === 3 ? all[among(8, 4) - 1] : undefined;
  const unindexed = [[], all, [all[among(16, zones)]]][among(12, 3)];
  return { away, unindexed, unread: all[among(20, zones)] };
}

async function faultAt(marks, { away, unindexed, unread }) {
  const ids = (letter) =>
    new Set(marks.filter((mark) => mark[0] === letter).map((mark) => Number(mark.slice(1))));
  const [begun, acknowledged] = [ids('B'), ids('A')];
  try {
    const cut = faultIn(plan, begun, acknowledged, await rescueAll(present(away)));
    if (cut !== null) return `rescue without ${away ?? 'none'}: ${cut}`;
    for (const zone of unindexed) rmSync(join(zone, 'index'), { recursive: true, force: true });
    if (away) renameSync(away, `${away}.away`);
    const found = await reopened();
    const fault = faultIn(plan, begun, acknowledged, found);
    if (fault !== null) return `without ${away ?? 'none'}: ${fault}`;
    const rescued = await rescueAll(present(away ?? (zones === 3 ? unread : undefined)));
    return difference(found, rescued);
  } catch (error) {
    return `${error.code ?? error.name}: ${error.message}`;
  }
}

function present(away) {
  return zonesOf(folder, zones).filter((zone) => zone !== away);
}

async function reopened() {
  const store = await openStore(folder, zones, false);
  try {
    return await readAll(store);
  } finally {
    await store.close();
  }
}

function difference(found, rescued) {
  for (const key of new Set([...found.keys(), ...rescued.keys()]))
    if (!found.get(key)?.equals(rescued.get(key) ?? Buffer.from('none')))
      return `the rescue reader tells another ${key}`;
  return null;
}

function openFiles() {
  const links = readdirSync('/proc/self/fd').flatMap((fd) => {
    try {
      return [readlinkSync(`/proc/self/fd/${fd}`)];
    } catch {
      return []; // That of the listing itself.
    }
  });
  return links.filter((path) => path.startsWith(folder));
}
