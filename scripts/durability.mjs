// `node scripts/durability.mjs [--option N]...`: durability and availability of three zones, from
// the failure rates of yours. Prints a table of Markdown; docs/durability.md says what the model
// leaves out.
//
// Zones fail independently and exponentially; one that is lost is whole again after the notice and
// the copy. Of large objects (4+2, two cells in each zone) one zone may be missing, of rows and
// small objects (a copy in each) two. The birth-death chains of mirrors (Patterson, Gibson, Katz,
// "A Case for Redundant Arrays of Inexpensive Disks", SIGMOD 1988) give the losses of a year, as
// long as a repair is much shorter than that:
//
//   large  6 * rate^2 * repair          small  6 * rate^3 * repair^2          repair in years
//
// and the share `common` of the losses takes all zones at once.
import { parseArgs } from 'node:util';

const hoursPerYear = 8766;
const options = {
  'losses-per-year': { type: 'string', default: '0.015' },
  'notice-hours': { type: 'string', default: '24' },
  terabytes: { type: 'string', default: '4' },
  'megabytes-per-second': { type: 'string', default: '100' },
  common: { type: 'string', default: '0' },
  'away-hours-per-year': { type: 'string', default: '8.766' },
  'bad-sector-disks-per-year': { type: 'string', default: '0.013' },
  'objects-per-bad-disk': { type: 'string', default: '10' },
  'scrub-days': { type: 'string', default: '14' },
};
const { values } = parseArgs({ options });
const given = {};
for (const [name, value] of Object.entries(values)) {
  given[name] = value.trim() === '' ? Number.NaN : Number(value);
  if (given[name] >= 0 && Number.isFinite(given[name])) continue;
  console.error(`--${name} takes a number, not ${value}`);
  process.exit(2);
}

const rate = given['losses-per-year'];
const catchUpHours = (given.terabytes * 1e6) / given['megabytes-per-second'] / 3600;
const repair = (given['notice-hours'] + catchUpHours) / hoursPerYear;
const common = given.common * rate;
const away = given['away-hours-per-year'] / hoursPerYear;
// While one zone is lost, what rotted unseen in either of the others since it was last scrubbed.
const rottenYears = given['scrub-days'] / 365.25 / 2;
const badDisks = 2 * given['bad-sector-disks-per-year'] * rottenYears;

const percent = (loss) => {
  const digits = Math.max(2, Math.ceil(-Math.log10(loss)) - 1);
  return `${(100 * (1 - loss)).toFixed(Math.min(digits, 14))} %`;
};
const rows = [
  ['a lost zone is whole again after', `${(repair * hoursPerYear).toFixed(1)} hours`],
  ['of them to copy', `${catchUpHours.toFixed(1)} hours`],
  ['large objects, in a year', percent(6 * rate ** 2 * repair + common)],
  ['rows and small objects, in a year', percent(6 * rate ** 3 * repair ** 2 + common)],
  [
    'large objects lost to unseen rot, in a year',
    (3 * rate * badDisks * given['objects-per-bad-disk']).toPrecision(2),
  ],
  ['writes possible', percent(3 * away ** 2 * (1 - away) + away ** 3)],
];
for (const [what, figure] of rows) console.log(`| ${what} | ${figure} |`);
