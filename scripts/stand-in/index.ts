/**
 * npx tsx scripts/stand-in/index.ts [--kvm] FOLDER
 *
 * Makes a stand-in for an open-tdx checkout in FOLDER, for OPENTDX_ROOT. --kvm leaves its QEMU as it is: it then needs a KVM that
 * works, as the real one does.
 */
import { parseArgs } from 'node:util';

import { readEnvironment } from '../../fixtures/environment.js';
import { makeStandInCheckout } from './make-checkout.js';

const { values, positionals } = parseArgs({
  options: { kvm: { type: 'boolean', default: false } },
  allowPositionals: true,
});
const [folder] = positionals;
if (folder === undefined || positionals.length > 1) {
  console.error('usage: npx tsx scripts/stand-in/index.ts [--kvm] FOLDER');
  process.exit(2);
}
await makeStandInCheckout(folder, {
  environment: readEnvironment(process.env),
  qemu: values.kvm ? 'as-is' : 'tcg',
  progress: (line) => {
    console.error(line);
  },
});
console.log(folder);
