/**
 * What `launch-opentdx.sh` and this project use of an open-tdx checkout, and the upstream command that makes each part. The one list:
 * validation, doctor and specs read it. Commands are to be run in the checkout's root; upstream's `setup.sh` does them all, and
 * installs a kernel on the host besides.
 */

/** What a part is needed for: to launch L1; for a TD (L2) in it; for names of addresses; for the fork's own tools. */
export type Purpose = 'l1' | 'td' | 'symbols' | 'tools';

export interface CheckoutPart {
  /** Below the checkout's root. */
  readonly path: string;
  readonly what: string;
  readonly kind: 'file' | 'folder';
  /** What this user must be allowed to do with it. Left out where only QEMU uses it, which runs as root. */
  readonly access?: 'read' | 'run';
  readonly purpose: Purpose;
  /** The command that makes it. */
  readonly remedy: string;
}

const wholeRepository = 'git checkout -- scripts (it is part of the repository)';
const fork = "It is the fork's (cwzsquare/open-tdx); the project's own tools are used without it.";

/** In the order in which a person would make them. */
export const checkoutParts: readonly CheckoutPart[] = [
  {
    path: 'launch-opentdx.sh',
    what: 'the launch script',
    kind: 'file',
    access: 'run',
    purpose: 'l1',
    remedy: 'Set OPENTDX_ROOT to the root of an open-tdx checkout (chmod +x launch-opentdx.sh if it is one).',
  },
  {
    path: 'qemu-l0/build/qemu-system-x86_64',
    what: "L0's QEMU",
    kind: 'file',
    access: 'run',
    purpose: 'l1',
    remedy: './common.sh -t qemu -l l0 -d bookworm',
  },
  {
    path: 'seabios/out/bios.bin',
    what: "L1's BIOS",
    kind: 'file',
    purpose: 'l1',
    remedy: './common.sh -t seabios',
  },
  {
    path: 'tdx-module/bin/debug/libtdx.so',
    what: 'the TDX module',
    kind: 'file',
    purpose: 'l1',
    remedy: './common.sh -t tdx-module (it needs docker)',
  },
  {
    path: 'tdx-module/bin/debug/libtdx.so.sigstruct',
    what: "the TDX module's signature",
    kind: 'file',
    purpose: 'l1',
    remedy: './common.sh -t tdx-module (it is made along with the module)',
  },
  {
    path: 'images/l1.img',
    what: "L1's root disk",
    kind: 'file',
    purpose: 'l1',
    remedy: './common.sh -t image -l l1 -d bookworm -s 16384, then ./common.sh -t vm',
  },
  {
    path: 'images/l1.id_rsa',
    what: "the ssh key of L1's root",
    kind: 'file',
    access: 'read',
    purpose: 'l1',
    remedy:
      './common.sh -t image -l l1 -d bookworm -s 16384 (it is made along with images/l1.img; where it is another user\'s: sudo chown "$USER" images/l1.id_rsa)',
  },
  {
    path: 'linux-l1/arch/x86/boot/bzImage',
    what: "L1's kernel",
    kind: 'file',
    purpose: 'l1',
    remedy: './common.sh -t linux -l l1, then ./common.sh -t kernel -l l1',
  },
  {
    path: 'linux-l1/initrd.img-l1',
    what: "L1's initrd",
    kind: 'file',
    purpose: 'l1',
    remedy: './common.sh -t initrd -l l1',
  },
  {
    path: 'qemu-l1',
    what: "L1's QEMU, which L1 mounts",
    kind: 'folder',
    purpose: 'l1',
    remedy: 'git submodule update --init qemu-l1',
  },
  {
    path: 'kvm-l1',
    what: "L1's KVM modules, which L1 mounts",
    kind: 'folder',
    purpose: 'l1',
    remedy: './common.sh -t kvm -l l1, then (cd kvm-l1 && ./build.sh)',
  },
  {
    path: 'linux-l2',
    what: "L2's kernel tree, which L1 mounts",
    kind: 'folder',
    purpose: 'l1',
    remedy: 'git submodule update --init linux-l2',
  },
  {
    path: 'edk2',
    what: "L2's firmware tree, which L1 mounts",
    kind: 'folder',
    purpose: 'l1',
    remedy: 'git submodule update --init edk2',
  },
  {
    path: 'scripts',
    what: "L1's scripts, which L1 mounts",
    kind: 'folder',
    purpose: 'l1',
    remedy: wholeRepository,
  },
  {
    path: 'images/l2.id_rsa',
    what: "the ssh key of L2's root",
    kind: 'file',
    access: 'read',
    purpose: 'td',
    remedy: './common.sh -t image -l l2 -d bookworm -s 8192, then ./common.sh -t vm',
  },
  {
    path: 'scripts/launch-td.sh',
    what: 'the script that launches L2',
    kind: 'file',
    purpose: 'td',
    remedy: wholeRepository,
  },
  {
    path: 'scripts/load-kvm.sh',
    what: "the script that reloads L1's KVM",
    kind: 'file',
    purpose: 'td',
    remedy: wholeRepository,
  },
  {
    path: 'kvm-l1/kvm-intel.ko',
    what: "L1's KVM with TDX",
    kind: 'file',
    purpose: 'td',
    remedy: './common.sh -t kvm -l l1, then (cd kvm-l1 && ./build.sh)',
  },
  {
    path: 'linux-l2/arch/x86/boot/bzImage',
    what: "L2's kernel",
    kind: 'file',
    purpose: 'td',
    remedy: './common.sh -t linux -l l2, then ./common.sh -t kernel -l l2',
  },
  {
    path: 'linux-l2/initrd.img-l2',
    what: "L2's initrd",
    kind: 'file',
    purpose: 'td',
    remedy: './common.sh -t initrd -l l2',
  },
  {
    path: 'edk2/Build/OvmfX64/RELEASE_GCC5/FV/OVMF.fd',
    what: "L2's firmware",
    kind: 'file',
    purpose: 'td',
    remedy: './common.sh -t ovmf',
  },
  {
    path: 'linux-l1/System.map',
    what: "L1's symbols",
    kind: 'file',
    access: 'read',
    purpose: 'symbols',
    remedy: './common.sh -t linux -l l1 (it is made along with the kernel)',
  },
  { path: 'scripts/verify_pte', what: 'verify_pte', kind: 'folder', purpose: 'tools', remedy: fork },
  { path: 'scripts/vfio_test', what: 'vfio_test', kind: 'folder', purpose: 'tools', remedy: fork },
];

/** Handed to QEMU by the launch script. Where it lies below `seam-loader` depends on the loader's version. */
export const seamLoader = {
  folder: 'seam-loader',
  file: 'EMR_NP_SEAMLDR_ENG_TR_O1.DBG.bin',
  what: 'the SEAM loader',
  remedy: 'git submodule update --init seam-loader',
} as const;
