#!/usr/bin/env bash
# The stand-in's launch script: does what open-tdx's script of the same name is documented to do, as its users have it. To be run
# in the checkout's root. QEMU is a child of this script, under sudo, and listens on all interfaces for what it forwards.
set -euo pipefail

mem=8g
smp=8
ssh_port=10032
debug_port=1234

usage() {
    cat >&2 <<USAGE
Usage: $0 [-m mem=8g] [-s smp=8] [-p ssh_port=10032] [-d debug_port=1234]

  ssh to L1 on ssh_port, to L2 on ssh_port + 1; gdb stub of L1 on debug_port (with DEBUG set), gdb of L2 on debug_port + 1;
  monitor on debug_port + 100.
USAGE
    exit 1
}

while getopts ':hm:s:p:d:' option; do
    case "$option" in
    m) mem=$OPTARG ;;
    s) smp=$OPTARG ;;
    p) ssh_port=$OPTARG ;;
    d) debug_port=$OPTARG ;;
    :)
        echo "Option -$OPTARG needs a value" >&2
        usage
        ;;
    h) usage ;;
    *)
        echo "Invalid option: -$OPTARG" >&2
        usage
        ;;
    esac
done

seam_loader=$PWD/seam-loader/seam-loader-main-1.5/np-seam-loader/seamldr_src/Projects/Server/Emr/Seamldr/output/ENG_TR_O1
tdx_module=$PWD/tdx-module/bin/debug/libtdx.so
kernel_arguments='console=ttyS0 root=/dev/sda rw earlyprintk=serial net.ifnames=0 nohibernate debug'
forwards="hostfwd=tcp::$ssh_port-:22,hostfwd=tcp::$((ssh_port + 1))-:10032,hostfwd=tcp::$((debug_port + 1))-:1234"

command=(
    "$PWD/qemu-l0/build/qemu-system-x86_64"
    -cpu host -machine 'q35,kernel_irqchip=split' -enable-kvm
    -m "$mem" -smp "$smp"
    -bios "$PWD/seabios/out/bios.bin"
    -fw_cfg "opt/opentdx.npseamldr,file=$seam_loader/EMR_NP_SEAMLDR_ENG_TR_O1.DBG.bin"
    -fw_cfg "opt/opentdx.tdx_module,file=$tdx_module"
    -fw_cfg "opt/opentdx.seam_sigstruct,file=$tdx_module.sigstruct"
    -drive 'format=raw,file=images/l1.img'
    -device 'virtio-net-pci,netdev=net0'
    -netdev "user,id=net0,host=10.0.2.10,$forwards"
    -monitor "tcp:127.0.0.1:$((debug_port + 100)),server,nowait"
)
for share in qemu-l1 kvm-l1 linux-l2 scripts edk2; do
    command+=(-virtfs "local,path=$share,mount_tag=$share,security_model=passthrough,id=$share")
done

if [ -n "${GPU:-}" ]; then
    gpu=$(lspci | awk 'tolower($0) ~ /amd/ { print $1; exit }')
    if [ -z "$gpu" ]; then
        echo 'GPU is set, and lspci names no device of AMD' >&2
        exit 1
    fi
    kernel_arguments+=' intel_iommu=on iommu=pt iommu=on'
    command+=(
        -device 'intel-iommu,intremap=on,caching-mode=on'
        -device 'pcie-root-port,id=gpu-port,chassis=1'
        -device "vfio-pci,bus=gpu-port,host=$gpu"
    )
fi

command+=(-kernel linux-l1/arch/x86/boot/bzImage -initrd linux-l1/initrd.img-l1 -append "$kernel_arguments")
[ -z "${DEBUG:-}" ] || command+=(-S -gdb "tcp::$debug_port")
command+=(-nographic)

echo "${command[*]}"
sudo "${command[@]}"
