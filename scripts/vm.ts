/** `npm run vm [-- --stack STACK]`: a VM of a stack to stand in, with nothing left of it afterwards. */
import path from 'node:path';

import { readEnvironment } from '../fixtures/environment.js';
import * as stacks from '../fixtures/stacks/index.js';
import { startVm } from '../fixtures/vm/start.js';
import { stopVm } from '../fixtures/vm/vm.js';
import { InfrastructureError } from '../lib/errors.js';
import { requireCacheFolder } from '../lib/host/cache-folder.js';
import { defaultMachineOptions, machineOptionsRule } from '../lib/machine/options.js';
import { createRunFolder } from '../lib/machine/ownership/index.js';
import { check } from '../lib/validate/index.js';
import { readCommandLine, refuse } from './command-line.js';
import { standInside } from './stand-inside.js';
import { usages } from './usages.js';

const { values } = readCommandLine(usages.vm, {
  options: {
    stack: { type: 'string', default: 'reference' },
    memory: { type: 'string' },
    vcpus: { type: 'string' },
  },
});
const definition = Object.values(stacks).find(({ name }) => name === values.stack);
if (!definition) refuse(usages.vm, `No such stack: ${values.stack}`);

try {
  const { memory, vcpus } = values;
  const asked = check('The command line', '', machineOptionsRule, {
    ...(memory === undefined ? {} : { memory }),
    ...(vcpus === undefined ? {} : { vcpus: Number(vcpus) }),
  });
  const environment = readEnvironment(process.env);
  await requireCacheFolder(environment.cache);
  const stack = await definition.open(environment, (line) => {
    console.error(line);
  });
  if (stack.absent !== undefined) throw new InfrastructureError(stack.absent);
  await using folder = await createRunFolder({ prefix: 'vm' });
  const vm = await startVm(stack, {
    title: `The ${stack.name} machine`,
    consoleLog: path.join(folder.path, 'console.log'),
    machineOptions: { ...defaultMachineOptions, ...stack.defaults, ...asked },
  });
  try {
    const headline = `${vm.title} is up (${vm.accelerator}).`;
    await standInside({ ...vm, access: stack.access, headline, answers: true });
  } finally {
    await stopVm(vm);
  }
} catch (error) {
  if (!(error instanceof InfrastructureError)) throw error;
  console.error(error.message);
  process.exitCode = 1;
}
