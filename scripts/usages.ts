import { ownCommand } from '../lib/text/index.js';

/** How the commands are called. Apart from them, so that nobody waits for a framework to be loaded to be told. */
export const usages = {
  init: `usage: npx opentdx-e2e init [FOLDER]     makes a folder for specs of your own: configuration, a first spec, types, a workflow

What is there already is left as it is. Default: the folder that you are in.`,
  test: `usage: ${ownCommand('test', '[PLAYWRIGHT ARGUMENT ...]')}     runs specs on real VMs, and says what they mean for the kernel

Ends with 0 when all that was asserted is true, with 1 when something asserted about the kernel is false, and with 125 when
anything else failed, so that there is no verdict. Installs what is missing on the host, or names it.`,
  vm: `usage: ${ownCommand('vm', '[--stack reference|hybrid|opentdx|ept]', '[--memory SIZE]', '[--vcpus N]')}     starts a VM and stands you in it

Prints the lines for ssh, monitor, gdb and a walk. In a terminal it gives a shell in the guest, whose end is the VM's; elsewhere
the VM ends with Ctrl-C, or when the input that it was given by a pipe ends. Under Bochs (ept) there is none of these ways in: what
is typed, or comes by a pipe, are lines of a shell in the guest.`,
  resume: `usage: ${ownCommand('resume', 'KEPT_MACHINE')}     a kept-machine.tar of a test that failed under E2E_KEEP=failed`,
  doctor: `usage: ${ownCommand('doctor', '[--stack reference|opentdx]', '[--json]')}     what this host lacks for a stack, and the remedies`,
  cache: `usage: ${ownCommand('cache', 'list|prune')}     what is kept between runs; prune removes what nothing asks for any more`,
  image: `usage: ${ownCommand('image', '[kernels | update]')}     builds the reference guest if need be and says where it is

kernels: builds instead what only the projects framework and ept boot, some minutes each: the small kernels and the guest for Bochs.
update: in a checkout: finds the newest packages that Debian's archive has as a whole, writes the lock of all builds (images/packages/lock.json),
builds the guest and runs a VFIO spec in it. If that fails, the lock is as it was.`,
  verdicts: `usage: ${ownCommand('verdicts')}     in a checkout: which of the project's own specs catches which fault of a driver`,
} as const;
