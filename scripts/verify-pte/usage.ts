import { ownCommand } from '../../lib/text/index.js';

export const usage = `usage: ${ownCommand('verify-pte', '<monitor_port>', '<virtual_address>', '[options]')}     one walk on a running VM, from outside

Walks the page tables of a running VM from outside and says whether _PAGE_USER (bit 2) of the address's PTE is cleared. The VM is
stopped for the milliseconds that this takes, and left as it was found.

  monitor_port       TCP port of QEMU's human monitor, plain or telnet: the launch script's debug port + 100
  virtual_address    hexadecimal, with or without 0x

Whose page tables (default: those that vCPU 0 uses at this moment, which is whatever runs on it):
  --pid PID          the process with this PID in the guest, by the list of processes in its kernel's memory
  --name NAME        the process of this name (comm: the first 15 bytes)
  --cr3 VALUE        this CR3, hexadecimal
  --cpu N            those that vCPU N uses at this moment

What --pid and --name may be told of the guest's kernel. Nothing is needed: it is looked for in the guest's memory, and measured if
it has no BTF. Over the monitor alone (a VM on another host) that takes half a minute, which --kallsyms or --system-map save:
  --kallsyms FILE    /proc/kallsyms of the running guest, read as root
  --system-map FILE  System.map of its build; KASLR is found out
  --btf FILE         /sys/kernel/btf/vmlinux of the guest
  --vmlinux FILE     the uncompressed vmlinux of its build, with a section .BTF

Output:
  --json             one JSON object instead of text
  --svg FILE         a picture of the walk
  --host HOST        the monitor's host (default 127.0.0.1; also [::1]). Memory of a VM on another host is read through the monitor
  --unix PATH        the monitor's unix socket, in place of a port: --unix PATH <virtual_address>
  --help             this text

Exit status: 0 cleared, 1 set, or nothing could be found out (the reason is on stderr), 2 the page is not present.
`;
