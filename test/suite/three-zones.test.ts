// Both suites over the embedded engine on three zones.
import { suitesOnDisk } from './on-disk.ts';

suitesOnDisk('three zones', 3);
