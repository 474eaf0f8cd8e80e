const kernelArguments = 'console=ttyS0 root=/dev/sda rw earlyprintk=serial net.ifnames=0 nohibernate debug';
const seamLoader =
  'seam-loader/seam-loader-main-1.5/np-seam-loader/seamldr_src/Projects/Server/Emr/Seamldr/output/ENG_TR_O1';

export interface Mode {
  readonly debug?: boolean;
  /** PCI address of the host's GPU. */
  readonly gpu?: string;
}

/**
 * QEMU's command line as open-tdx's launch script makes it in `root` for `-m 2g -s 4` and the ports above, without the program's name;
 * the contract says so.
 */
export function checkoutCommandLine(root: string, { debug = false, gpu }: Mode = {}): string[] {
  return [
    ...['-cpu', 'host', '-machine', 'q35,kernel_irqchip=split', '-enable-kvm', '-m', '2g', '-smp', '4'],
    ...['-bios', `${root}/seabios/out/bios.bin`],
    ...['-fw_cfg', `opt/opentdx.npseamldr,file=${root}/${seamLoader}/EMR_NP_SEAMLDR_ENG_TR_O1.DBG.bin`],
    ...['-fw_cfg', `opt/opentdx.tdx_module,file=${root}/tdx-module/bin/debug/libtdx.so`],
    ...['-fw_cfg', `opt/opentdx.seam_sigstruct,file=${root}/tdx-module/bin/debug/libtdx.so.sigstruct`],
    ...['-drive', 'format=raw,file=images/l1.img', '-device', 'virtio-net-pci,netdev=net0'],
    '-netdev',
    'user,id=net0,host=10.0.2.10,hostfwd=tcp::20000-:22,hostfwd=tcp::20001-:10032,hostfwd=tcp::21001-:1234',
    ...['-monitor', 'tcp:127.0.0.1:21100,server,nowait'],
    ...['qemu-l1', 'kvm-l1', 'linux-l2', 'scripts', 'edk2'].flatMap((name) => [
      '-virtfs',
      `local,path=${name},mount_tag=${name},security_model=passthrough,id=${name}`,
    ]),
    ...(gpu === undefined
      ? []
      : [
          ...['-device', 'intel-iommu,intremap=on,caching-mode=on'],
          ...['-device', 'pcie-root-port,id=gpu-port,chassis=1'],
          ...['-device', `vfio-pci,bus=gpu-port,host=${gpu}`],
        ]),
    ...['-kernel', 'linux-l1/arch/x86/boot/bzImage', '-initrd', 'linux-l1/initrd.img-l1'],
    '-append',
    `${kernelArguments}${gpu === undefined ? '' : ' intel_iommu=on iommu=pt iommu=on'}`,
    ...(debug ? ['-S', '-gdb', 'tcp::21000'] : []),
    '-nographic',
  ];
}
