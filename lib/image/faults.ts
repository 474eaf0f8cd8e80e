import { readFile } from 'node:fs/promises';
import path from 'node:path';

import { referenceRecipe } from './reference-image.js';

const patch = path.join(referenceRecipe, 'patches/0002-vfio-type1-fault-injection.patch');

/** The faults that the reference driver knows, from its own table: one that is added there is run from then on. */
export async function knownFaults(): Promise<string[]> {
  const text = await readFile(patch, 'utf8');
  const names = [...text.matchAll(/^\+\t\[E2E_\w+\]\s*= "([a-z-]+)",$/gm)].map(([, name]) => name ?? '');
  const faults = names.filter((name) => name !== 'none');
  if (faults.length === 0) throw new Error(`${patch} has no table of faults.`);
  return faults;
}
