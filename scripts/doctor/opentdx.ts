import { constants } from 'node:fs';
import { readdir, readFile, stat } from 'node:fs/promises';
import path from 'node:path';

import { type Check, type Finding, missing, optional, ready } from './check.js';
import { findCommand, may } from './tools.js';

/** A file or folder that open-tdx's launch script expects in the checkout, below its root. */
interface Part {
  readonly file: string;
  readonly what: string;
  readonly remedy: string;
  readonly mode?: number;
  /** Needed for L2 only, or by the fork only. */
  readonly optional?: string;
}

const { R_OK, W_OK, X_OK } = constants;
const scripts = 'Check out the whole repository: git submodule update --init --recursive';

const parts: readonly Part[] = [
  {
    file: 'launch-opentdx.sh',
    what: 'the launch script',
    mode: R_OK | X_OK,
    remedy: 'Set OPENTDX_ROOT to the root of an open-tdx checkout.',
  },
  {
    file: 'qemu-l0/build/qemu-system-x86_64',
    what: "L0's QEMU",
    mode: X_OK,
    remedy: 'Build qemu-l0 (configure and make in qemu-l0/build).',
  },
  { file: 'seabios/out/bios.bin', what: "L1's BIOS", remedy: 'make -C seabios' },
  { file: 'tdx-module/bin/debug/libtdx.so', what: 'the TDX module', remedy: 'Build tdx-module (debug).' },
  {
    file: 'tdx-module/bin/debug/libtdx.so.sigstruct',
    what: "the TDX module's signature",
    remedy: 'Build tdx-module (debug); the signature is made along with it.',
  },
  { file: 'linux-l1/arch/x86/boot/bzImage', what: "L1's kernel", remedy: 'Build linux-l1 (make bzImage).' },
  {
    file: 'linux-l1/initrd.img-l1',
    what: "L1's initrd",
    remedy: "Make it with linux-l1: see the checkout's own instructions.",
  },
  {
    file: 'images/l1.img',
    what: "L1's root disk (raw, written to)",
    mode: R_OK | W_OK,
    remedy: "Make it by the checkout's image script.",
  },
  {
    file: 'images/l1.id_rsa',
    what: "the ssh key of L1's root",
    remedy: 'It is made along with images/l1.img; it must be readable by this user.',
  },
  {
    file: 'images/l2.id_rsa',
    what: "the ssh key of L2's root",
    remedy: 'It is made along with the image of L2.',
    optional: 'only for specs about L2',
  },
  {
    file: 'scripts/launch-td.sh',
    what: 'the script that launches L2',
    remedy: scripts,
    optional: 'only for specs about L2',
  },
  {
    file: 'scripts/load-kvm.sh',
    what: "the script that reloads L1's KVM",
    remedy: scripts,
    optional: 'only for specs about L2',
  },
  {
    file: 'linux-l1/System.map',
    what: "L1's symbols",
    remedy: 'It is made along with the kernel.',
    optional: 'addresses stay without names',
  },
  ...['qemu-l1', 'kvm-l1', 'linux-l2', 'edk2'].map((file) => ({
    file,
    what: 'a folder that L1 mounts',
    remedy: scripts,
  })),
  {
    file: 'scripts/verify_pte',
    what: "the fork's verify_pte",
    remedy: 'Use the fork that has it.',
    optional: 'only for specs that ask the guest itself',
  },
  {
    file: 'scripts/vfio_test',
    what: "the fork's vfio_test",
    remedy: 'Use the fork that has it.',
    optional: "the project's own tool is used",
  },
];

/** Each part of the checkout that the harness or the launch script uses, in the order in which it is built. */
export function opentdxChecks(root: string | undefined): Check[] {
  if (root === undefined || root === '') {
    return [
      {
        name: 'OPENTDX_ROOT',
        look: () =>
          Promise.resolve(missing('not set', 'Set OPENTDX_ROOT to the root of an open-tdx checkout.')),
      },
    ];
  }
  return [
    { name: 'OPENTDX_ROOT', look: () => rootFinding(root) },
    ...parts.map((part): Check => ({ name: part.file, look: () => partFinding(root, part) })),
    { name: 'seam-loader', look: () => loaderFinding(root) },
    { name: 'monitor port', look: () => monitorFinding(root) },
    { name: 'sudo', look: () => sudoFinding() },
  ];
}

async function rootFinding(root: string): Promise<Finding> {
  const found = await stat(root).catch(() => undefined);
  return found?.isDirectory()
    ? ready(root)
    : missing(`${root} is no folder`, 'Set OPENTDX_ROOT to the root of an open-tdx checkout.');
}

async function partFinding(
  root: string,
  { file, what, remedy, mode = R_OK, optional: without }: Part,
): Promise<Finding> {
  const full = path.join(root, file);
  const found = await stat(full).catch(() => undefined);
  const problem = !found
    ? `${what} is not there`
    : found.isFile() && found.size === 0
      ? `${what} is empty`
      : (await may(full, mode))
        ? undefined
        : `${what} is there, but this user may not ${(mode & W_OK) !== 0 ? 'write' : (mode & X_OK) !== 0 ? 'run' : 'read'} it`;
  if (problem === undefined) return ready(what);
  return without === undefined ? missing(problem, remedy) : optional(`${problem}; ${without}`, remedy);
}

/** Passed to QEMU by the launch script; where it lies below the folder depends on the loader's version. */
const loader = 'EMR_NP_SEAMLDR_ENG_TR_O1.DBG.bin';

async function loaderFinding(root: string): Promise<Finding> {
  const files = await readdir(path.join(root, 'seam-loader'), { recursive: true }).catch(() => []);
  const found = files.find((file) => path.basename(file) === loader);
  return found === undefined
    ? missing(`seam-loader/…/${loader} is not there`, scripts)
    : ready(`seam-loader/${found}`);
}

/** The fork's script opens an HMP monitor on its debug port + 100; upstream's multiplexes it with the console. */
async function monitorFinding(root: string): Promise<Finding> {
  const script = await readFile(path.join(root, 'launch-opentdx.sh'), 'utf8').catch(() => '');
  return /-(monitor|mon|chardev)\b|monitor_port/i.test(script)
    ? ready('the launch script opens a monitor')
    : missing(
        'the launch script opens no monitor port (upstream)',
        "Use the fork's launch script: -monitor tcp:127.0.0.1:$((debug_port + 100)),server,nowait",
      );
}

/** The script runs its QEMU by sudo, which must not ask. */
async function sudoFinding(): Promise<Finding> {
  if (process.getuid?.() === 0) return ready('this user is root');
  return (await findCommand('sudo')) === undefined
    ? missing(
        'there is no sudo, which the launch script uses',
        'apt-get install sudo, and allow this user to use it without a password',
      )
    : ready('there is one; it must not ask for a password');
}
