/** `npm run image`: builds what guests boot if need be and says where it is; `npm run image -- update` makes a new lock of packages. */
import { eptImage } from '../fixtures/stacks/ept.js';
import { readEnvironment } from '../fixtures/environment.js';
import { referenceImage } from '../fixtures/stacks/reference-image.js';
import { specKernels } from '../fixtures/stacks/spec-kernels.js';
import { InfrastructureError } from '../lib/errors.js';
import { isCompiled } from '../lib/text/index.js';
import { readCommandLine, refuse } from './command-line.js';
import { usages } from './usages.js';

const { positionals } = readCommandLine(usages.image, { allowPositionals: true });
const [what = 'reference', ...more] = positionals;
if (!['reference', 'kernels', 'update'].includes(what) || more.length > 0) {
  refuse(usages.image, `No such image: '${positionals.join(' ')}'`);
}
if (what === 'update' && isCompiled)
  refuse(usages.image, "It tries a spec of the project's own: run it in a checkout.");

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
    const { updateLock } = await import('./image/update-lock.js');
    console.log(await updateLock(environment, progress));
  } else if (what === 'reference') {
    console.log((await referenceImage(environment, progress)).folder);
  } else {
    const { stock, patched } = await specKernels(environment, progress);
    const { cd } = await eptImage(environment, progress);
    for (const built of [stock.folder, patched.folder, cd]) console.log(built);
  }
}
