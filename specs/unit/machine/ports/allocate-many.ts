/** Waits for the start signal on stdin, allocates the number of patterns that the first argument says, prints and holds them. */
import { once } from 'node:events';
import { allocatePorts } from '../../../../lib/machine/ports/index.js';

process.stdout.write('ready\n');
await once(process.stdin, 'data');
const leases = [];
for (let i = 0; i < Number(process.argv[2]); i++) leases.push(await allocatePorts());
process.stdout.write(`${JSON.stringify(leases)}\n`);
