/** `npm run image`: builds what guests boot if need be and says where it is. */
import { eptImage } from '../fixtures/ept/image.js';
import { readEnvironment } from '../fixtures/environment.js';
import { referenceImage } from '../fixtures/stacks/reference-image.js';
import { specKernels } from '../fixtures/stacks/spec-kernels.js';
import { readCommandLine, refuse } from './command-line.js';

const usage = `usage: npm run image [-- kernels]     builds the reference guest if need be and says where it is

kernels: builds instead what only the projects framework and ept boot, some minutes each: the small kernels and the guest for Bochs.
'scripts/setup.sh kernel ept' installs what that takes.`;
const { positionals } = readCommandLine(usage, { allowPositionals: true });
const [what = 'reference', ...more] = positionals;
if (!['reference', 'kernels'].includes(what) || more.length > 0) {
  refuse(usage, `No such image: '${positionals.join(' ')}'`);
}

const environment = readEnvironment(process.env);
const progress = (line: string): void => {
  console.error(line);
};
if (what === 'reference') {
  console.log((await referenceImage(environment, progress)).folder);
} else {
  const { stock, patched } = await specKernels(environment.cache, progress);
  const { cd } = await eptImage(environment.cache, progress);
  for (const built of [stock.folder, patched.folder, cd]) console.log(built);
}
