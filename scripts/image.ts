/** `npm run image`: builds what guests boot if need be and says where it is; `npm run image -- update` makes a new lock of packages. */
import { eptImage } from '../fixtures/stacks/ept.js';
import { readEnvironment } from '../fixtures/environment.js';
import { referenceImage } from '../fixtures/stacks/reference-image.js';
import { specKernels } from '../fixtures/stacks/spec-kernels.js';
import { InfrastructureError } from '../lib/errors.js';
import { readCommandLine, refuse } from './command-line.js';
import { updateLock } from './image/update-lock.js';

const usage = `usage: npm run image [-- kernels | update]     builds the reference guest if need be and says where it is

kernels: builds instead what only the projects framework and ept boot, some minutes each: the small kernels and the guest for Bochs.
update: finds the newest packages that Debian's archive has as a whole, writes the lock of all builds (images/packages/lock.json), builds the
guest and runs a VFIO spec in it. If that fails, the lock is as it was.`;
const { positionals } = readCommandLine(usage, { allowPositionals: true });
const [what = 'reference', ...more] = positionals;
if (!['reference', 'kernels', 'update'].includes(what) || more.length > 0) {
  refuse(usage, `No such image: '${positionals.join(' ')}'`);
}

const environment = readEnvironment(process.env);
const progress = (line: string): void => {
  console.error(line);
};
try {
  await build();
} catch (error) {
  if (!(error instanceof InfrastructureError)) throw error;
  console.error(error.message);
  process.exitCode = 125;
}

async function build(): Promise<void> {
  if (what === 'update') {
    console.log(await updateLock(environment, progress));
  } else if (what === 'reference') {
    console.log((await referenceImage(environment, progress)).folder);
  } else {
    const { stock, patched } = await specKernels(environment, progress);
    const { cd } = await eptImage(environment, progress);
    for (const built of [stock.folder, patched.folder, cd]) console.log(built);
  }
}
