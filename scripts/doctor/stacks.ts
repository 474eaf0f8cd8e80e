import type { Environment } from '../../fixtures/environment.js';
import { findCommand } from '../../lib/host/find-command.js';
import { isCompiled } from '../../lib/text/index.js';
import { type Check, missing, ready } from './check.js';
import { kvmCheck } from './kvm.js';
import { opentdxChecks } from './opentdx.js';
import { cacheCheck, diskCheck, dockerCheck, memoryCheck, portsCheck } from './resources.js';
import { type Tool, toolCheck } from './tools.js';
import { viommuCheck } from './viommu.js';

export const stackNames = ['reference', 'opentdx'] as const;
export type StackName = (typeof stackNames)[number];

const oldestNode = 20;
/** Image, build root, kernel packages and snapshots of a few machine shapes. */
const cacheBytes = 4 * 2 ** 30;
/** Run folders, consoles, and the build of the image. */
const tempBytes = 2 * 2 ** 30;
/** A guest of 1 GiB, QEMU and the harness. */
const referenceMemory = 1.5 * 2 ** 30;
/** L1 has 8 GiB by its launch script's default. */
const opentdxMemory = 9 * 2 ** 30;

const everywhere: readonly Tool[] = [
  { command: 'npm', debian: 'npm', version: ['--version'] },
  { command: 'ssh', debian: 'openssh-client', version: ['-V'] },
  { command: 'ssh-keygen', debian: 'openssh-client', version: [] },
];

/** What unpacks the build root, and enters it where no engine is asked for. */
const forTheImage: readonly Tool[] = [
  { command: 'tar', debian: 'tar', version: ['--version'] },
  { command: 'xz', debian: 'xz-utils', version: ['--version'] },
  { command: 'unshare', debian: 'util-linux', version: ['--version'] },
];

const helpful: readonly Tool[] = [
  { command: 'gdb', debian: 'gdb', version: ['--version'], optional: 'only for debugging by hand' },
  {
    command: 'chromium',
    debian: 'chromium',
    version: ['--version'],
    optional: 'only for the specs that look at the report',
  },
];

/** What a stack needs, in the order in which a person would set it up. */
export async function checksFor(
  stack: StackName,
  environment: Environment,
  variables: NodeJS.ProcessEnv,
): Promise<Check[]> {
  const root = variables.OPENTDX_ROOT;
  const qemu = environment.qemu;
  const tools = (list: readonly Tool[]): Check[] => list.map(toolCheck);
  const docker = dockerCheck(
    (variables.DOCKER_HOST ?? 'unix:///var/run/docker.sock').replace(/^unix:\/\//, ''),
  );
  const shared = [architectureCheck(), nodeCheck(), packagesCheck(), ...tools(everywhere)];
  const common = [portsCheck(), diskCheck('disk of the temp folder', variables.TMPDIR ?? '/tmp', tempBytes)];
  if (stack === 'opentdx') {
    return [
      ...shared,
      ...(await opentdxChecks(root)),
      kvmCheck('required', root === undefined ? qemu : `${root}/qemu-l0/build/qemu-system-x86_64`),
      ...common,
      memoryCheck(opentdxMemory),
      ...tools(helpful),
    ];
  }
  return [
    ...shared,
    qemuCheck(qemu),
    ...tools(forTheImage),
    kvmCheck('optional', qemu),
    viommuCheck(qemu),
    cacheCheck(environment.cache),
    diskCheck('disk of the cache folder', environment.cache, cacheBytes),
    ...common,
    memoryCheck(referenceMemory),
    docker,
    ...tools(helpful),
  ];
}

function architectureCheck(): Check {
  return {
    name: 'architecture',
    look: () =>
      Promise.resolve(
        process.arch === 'x64' ? ready('x86-64') : missing(process.arch, 'The stacks need an x86-64 host.'),
      ),
  };
}

function nodeCheck(): Check {
  const major = Number(process.versions.node.split('.')[0]);
  return {
    name: 'node',
    look: () =>
      Promise.resolve(
        major >= oldestNode
          ? ready(process.version)
          : missing(process.version, `Install Node.js ${oldestNode} or newer (https://nodejs.org).`),
      ),
  };
}

function packagesCheck(): Check {
  return {
    name: 'node packages',
    look: async () =>
      (await findCommand('node_modules/.bin/playwright')) === undefined
        ? missing('not installed', isCompiled ? 'npm install' : 'npm ci')
        : ready('installed'),
  };
}

function qemuCheck(qemu: string): Check {
  return toolCheck({ command: qemu, debian: 'qemu-system-x86', version: ['--version'] });
}
