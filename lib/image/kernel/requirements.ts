/** An option that a guest's kernel must have. */
export interface Requirement {
  /** Without `CONFIG_`. */
  readonly option: string;
  /** What does not work without it; completes "it is needed since …". */
  readonly why: string;
  /** The module that does as well, as /proc/modules names it. */
  readonly module?: string;
  /** Options that it depends on and that nothing else here turns on: without them kconfig drops it in silence. */
  readonly parents?: readonly string[];
}

/** What the reference guest (images/reference/rootfs) and its launcher need of any kernel. */
export const guestRequirements: readonly Requirement[] = [
  { option: '64BIT', why: "the guest's programs are 64-bit" },
  { option: 'PRINTK', why: "the kernel's log is what the specs read" },
  { option: 'TTY', why: 'the console is a serial port' },
  { option: 'SERIAL_8250_CONSOLE', why: 'the console is the serial port ttyS0', parents: ['SERIAL_8250'] },
  { option: 'BLK_DEV_INITRD', why: "the guest's root file system is an initramfs" },
  { option: 'BINFMT_ELF', why: "the guest's programs are ELF files" },
  { option: 'BINFMT_SCRIPT', why: "the guest's set-up is a shell script" },
  { option: 'MULTIUSER', why: 'the ssh server drops and keeps user ids' },
  { option: 'FUTEX', why: 'the VFIO tool has threads' },
  { option: 'PROC_FS', why: 'the guest mounts /proc' },
  { option: 'SYSFS', why: 'PCI devices are found and bound in /sys' },
  { option: 'DEVTMPFS', why: 'the guest has no other /dev' },
  { option: 'TMPFS', why: 'the guest mounts /tmp and /dev/shm', parents: ['SHMEM'] },
  { option: 'PCI', why: "the machine's devices are PCI devices" },
  { option: 'PCI_MSI', why: 'interrupt remapping and virtio need message-signalled interrupts' },
  { option: 'ACPI', why: 'the IOMMU is described by an ACPI table (DMAR)' },
  { option: 'NET', why: 'the guest is reached by ssh' },
  { option: 'INET', why: 'the guest is reached by ssh over TCP' },
  {
    option: 'VIRTIO_PCI',
    why: 'the network card is a virtio device',
    module: 'virtio_pci',
    parents: ['VIRTIO_MENU'],
  },
  {
    option: 'VIRTIO_NET',
    why: 'the network card is a virtio device',
    module: 'virtio_net',
    parents: ['NETDEVICES', 'NET_CORE', 'VIRTIO_MENU'],
  },
  { option: 'INTEL_IOMMU', why: "the machine's IOMMU is Intel's", parents: ['IOMMU_SUPPORT'] },
  {
    option: 'IRQ_REMAP',
    why: 'VFIO type1 refuses an IOMMU that does not remap interrupts',
    parents: ['IOMMU_SUPPORT'],
  },
  { option: 'VFIO', why: 'it is what is tested', module: 'vfio' },
  {
    option: 'VFIO_IOMMU_TYPE1',
    why: 'it makes the DMA mappings that are tested',
    module: 'vfio_iommu_type1',
    parents: ['VFIO_CONTAINER'],
  },
  { option: 'VFIO_PCI', why: 'the device is passed through by vfio-pci', module: 'vfio_pci' },
];

/** QEMU starts an ELF vmlinux, unlike a bzImage, at the entry point for PVH. */
export const vmlinuxRequirements: readonly Requirement[] = [
  {
    option: 'PVH',
    why: 'QEMU boots an ELF vmlinux by its PVH entry point (a bzImage boots without)',
    parents: ['HYPERVISOR_GUEST'],
  },
];

/** What some specs need beyond that: they carry the tag, and are skipped where the kernel lacks an option. */
export const taggedRequirements: ReadonlyMap<string, Requirement> = new Map([
  [
    '@tracepoints',
    { option: 'EVENT_TRACING', why: 'page faults are read from the tracepoints exceptions:page_fault_*' },
  ],
  ['@memfd', { option: 'MEMFD_CREATE', why: 'the spec maps a memfd' }],
  ['@thp', { option: 'TRANSPARENT_HUGEPAGE', why: 'the spec maps transparent huge pages' }],
  ['@hugetlb', { option: 'HUGETLBFS', why: 'the spec maps huge pages of hugetlbfs' }],
  ['@ksm', { option: 'KSM', why: 'the spec has the kernel merge pages' }],
  ['@userfaultfd', { option: 'USERFAULTFD', why: 'the spec brings and protects pages by userfaultfd' }],
  ['@mce', { option: 'X86_MCE', why: 'the machine reports errors of the CPU' }],
  ['@memory-failure', { option: 'MEMORY_FAILURE', why: 'the spec takes a page of memory for lost' }],
  ['@aer', { option: 'PCIEAER', why: 'a port reports errors of PCI Express' }],
  [
    '@aer-inject',
    { option: 'PCIEAER_INJECT', why: 'the spec makes an error of PCI Express', module: 'aer_inject' },
  ],
  ['@smp', { option: 'SMP', why: 'the spec does something on every vCPU' }],
]);
