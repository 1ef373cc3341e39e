// Both suites over the embedded engine on one zone.
import { suitesOnDisk } from './on-disk.ts';

suitesOnDisk('one zone', 1);
