/** Holds the lease named by the first argument until it is killed. */
import { acquireLease } from '../../../../lib/host/lease/index.js';

const lease = await acquireLease(process.argv[2] ?? '', { holder: 'the other process' });
process.stdout.write(lease ? 'held\n' : 'taken\n');
process.stdin.resume();
