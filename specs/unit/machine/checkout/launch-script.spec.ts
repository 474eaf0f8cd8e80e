import { expect, test } from '@playwright/test';

import { opensAllInterfaces, opensMonitor } from '../../../../lib/machine/checkout/index.js';

const monitor = '-monitor tcp:127.0.0.1:$((debug_port + 100)),server,nowait';

type Case = readonly [name: string, script: string, monitor: string, everywhere: string];

const cases: Case[] = [
  ['plain', `qemu-system-x86_64 -nographic ${monitor}`, 'seen', 'not seen'],
  ['none', 'qemu-system-x86_64 -nographic -m 2G', 'not seen', 'not seen'],
  [
    'a variable',
    `MON="tcp:127.0.0.1:$((p + 100)),server,nowait"\nq="qemu-system-x86_64 -monitor \${MON}"\neval "$q"`,
    'seen',
    'not seen',
  ],
  [
    'continued lines',
    'exec qemu-system-x86_64 \\\n  -monitor \\\n    tcp:127.0.0.1:1334,server=on,wait=off \\\n  -gdb tcp::1234',
    'seen',
    'seen',
  ],
  [
    'an array',
    `args=(\n  -m 2G # memory\n  -monitor "tcp:127.0.0.1:$p,server,nowait"\n)\nargs+=(-s)\nexec sudo "$QEMU" -nographic "\${args[@]}"`,
    'seen',
    'seen',
  ],
  ['appended', `q="./qemu-system-x86_64 "\nq+="-nographic "\nq+="${monitor} "\neval $q`, 'seen', 'not seen'],
  ['telnet', 'qemu-system-x86_64 -monitor telnet:0.0.0.0:1334,server,nowait', 'seen', 'seen'],
  ['a unix socket', 'qemu-system-x86_64 -monitor unix:/tmp/mon,server,nowait', 'seen', 'not seen'],
  [
    '-mon and -chardev',
    'qemu-system-x86_64 -chardev socket,id=m,host=127.0.0.1,port=1,server=on,wait=off -mon chardev=m',
    'seen',
    'not seen',
  ],
  [
    '-mon with its mode',
    'qemu-system-x86_64 -chardev socket,id=m,port=1,server -mon m,mode=readline',
    'seen',
    'seen',
  ],
  [
    'with the serial console',
    'qemu-system-x86_64 -serial mon:telnet:127.0.0.1:4000,server,nowait',
    'not seen',
    'not seen',
  ],
  [
    'shared with the serial console',
    'qemu-system-x86_64 -chardev socket,id=c,mux=on,path=/c,server -mon c -serial chardev:c',
    'not seen',
    'not seen',
  ],
  [
    'shared with nobody',
    'qemu-system-x86_64 -mon c -chardev socket,mux=on,path=/c,server,id=c',
    'seen',
    'not seen',
  ],
  ['dashes', 'qemu-system-x86_64 --monitor tcp:[::1]:1334,server', 'seen', 'not seen'],
  ['QMP by -qmp', 'qemu-system-x86_64 -qmp tcp:127.0.0.1:1334,server,nowait', 'not seen', 'not seen'],
  [
    'QMP by -mon',
    'qemu-system-x86_64 -chardev socket,id=q,path=/tmp/q,server=on,wait=off -mon chardev=q,mode=control',
    'not seen',
    'not seen',
  ],
  [
    'other sockets',
    'qemu-system-x86_64 -chardev socket,id=fs,path=/tmp/fs -device vhost-user-fs-pci,chardev=fs -chardev socket,id=tpm,path=/tmp/tpm',
    'not seen',
    'not seen',
  ],
  ['a monitor that connects out', 'qemu-system-x86_64 -monitor tcp:127.0.0.1:1334', 'not seen', 'not seen'],
  ['a comment', `# ${monitor}\nqemu-system-x86_64 -nographic # ${monitor}`, 'not seen', 'not seen'],
  [
    'a usage text',
    `cat <<EOF\nqemu-system-x86_64 ${monitor}\nEOF\necho "qemu-system-x86_64 ${monitor}"\nqemu-system-x86_64 -nographic`,
    'not seen',
    'not seen',
  ],
  [
    'an option’s value that looks like it',
    `qemu-system-x86_64 -append '${monitor} -s'`,
    'not seen',
    'not seen',
  ],
  ['the console’s', 'qemu-system-x86_64 -monitor stdio -serial mon:stdio', 'not seen', 'not seen'],
  [
    'only in a branch',
    `[ -n "$M" ] && a="${monitor}"\nqemu-system-x86_64 -nographic $a`,
    'unknown',
    'not seen',
  ],
  [
    'taken away in a branch',
    `a="${monitor}"\nif [ -n "$NO" ]; then\n a=""\nfi\nqemu-system-x86_64 $a`,
    'unknown',
    'not seen',
  ],
  ['from the environment', 'qemu-system-x86_64 -nographic $EXTRA', 'unknown', 'unknown'],
  ['the value from the environment', 'qemu-system-x86_64 -monitor "$MONITOR"', 'unknown', 'unknown'],
  ['its own arguments', 'exec qemu-system-x86_64 -nographic "$@"', 'unknown', 'unknown'],
  ['from a file of QEMU’s', 'qemu-system-x86_64 -readconfig vm.cfg', 'unknown', 'unknown'],
  ['another program that starts it', './run-vm --monitor', 'unknown', 'unknown'],
  ['in a function', `launch() {\n  qemu-system-x86_64 ${monitor}\n}\nlaunch`, 'seen', 'not seen'],
  ['in a function that none calls', `x() {\n  qemu-system-x86_64 ${monitor}\n}\n"$1"`, 'unknown', 'not seen'],
  [
    'by a function',
    `add() { a+=" ${monitor} -s"; }\na=-nographic\nadd\nqemu-system-x86_64 $a`,
    'seen',
    'seen',
  ],
  ['by its second call', 'f() { a+=" $x"; }\nx=-S\nf\nx=-s\nf\nqemu-system-x86_64 $a -S', 'not seen', 'seen'],
  ['by another file', 'a=""\n. ./more.sh\nqemu-system-x86_64 $a', 'unknown', 'unknown'],
  ['by input', 'a=""\nread -r a <<<"$1"\nqemu-system-x86_64 $a', 'unknown', 'unknown'],
  ['by no more', `a="${monitor}"\nunset a\nqemu-system-x86_64 -nographic $a`, 'not seen', 'not seen'],
  ['arguments of xargs', 'xargs qemu-system-x86_64 <options', 'unknown', 'unknown'],
  ['braces', 'qemu-system-x86_64 -nographic {-s,-S}', 'unknown', 'unknown'],
  ['an element', 'declare -A o=([m]="-s")\nqemu-system-x86_64 -nographic ${o[m]}', 'unknown', 'unknown'],
  [
    'defaults within defaults',
    'qemu-system-x86_64 -monitor ${A:-"tcp:${B:-127.0.0.1}:${1:-1334},server"} -nographic',
    'unknown',
    'unknown',
  ],
  ['a default in place of nothing', 'a=\nqemu-system-x86_64 ${a:-"-s"}', 'not seen', 'seen'],
  ['an argument’s default', 'p=${1:-1}\nqemu-system-x86_64 -monitor tcp:[::1]:$p,server', 'seen', 'not seen'],
  ["$'…'", `qemu-system-x86_64 -append $'it\\'s ${monitor}' -gdb $'tcp::1'`, 'not seen', 'seen'],
  ['a comment that ends in a backslash', '# all \\\nqemu-system-x86_64 -s', 'not seen', 'seen'],
  ['a string that is read', `grep -q x <<<"$y"\nqemu-system-x86_64 ${monitor}`, 'seen', 'not seen'],
  ['a shift', `(( x = 1 << 3 ))\nqemu-system-x86_64 ${monitor} -s`, 'seen', 'seen'],
  [
    'a text with a blank at its end',
    `cat <<'E D'\nit's\nE D\nqemu-system-x86_64 ${monitor}`,
    'seen',
    'not seen',
  ],
  ['two commands in a text', `eval "echo a; qemu-system-x86_64 ${monitor}"`, 'seen', 'not seen'],
  [
    'its name elsewhere',
    `id -nG | grep -w kvm\npidof qemu-system-x86_64\nqemu-system-x86_64 ${monitor}`,
    'seen',
    'not seen',
  ],
  [
    'its version',
    `qemu-system-x86_64 --version | head -1\nqemu-system-x86_64 ${monitor}`,
    'seen',
    'not seen',
  ],
  [
    'an inherited socket',
    'qemu-system-x86_64 -chardev socket,id=m,fd=3,server -mon m',
    'not seen',
    'not seen',
  ],
  [
    'a websocket',
    'qemu-system-x86_64 -chardev socket,id=m,port=1,server,websocket=on -mon m',
    'not seen',
    'seen',
  ],
  ['Python', `#!/usr/bin/env python3\nsubprocess.run(["qemu-system-x86_64"])`, 'unknown', 'unknown'],
  ['a program', '\u007fELF\0\0\0', 'unknown', 'unknown'],
  ['empty', '', 'unknown', 'unknown'],
  [
    'options read from the command line',
    `while getopts "m:d:" o; do case $o in m) mem=$OPTARG;; d) port=$OPTARG;; *) exit 1;; esac; done\nq="qemu-system-x86_64 -m $mem -nographic -gdb tcp::$port"\nif [ -n "$DEBUG" ]; then q+=" -S"; fi\neval $q`,
    'not seen',
    'seen',
  ],
  [
    'a machine that a command brings',
    `qemu-system-x86_64 ${monitor} -incoming 'exec:nc -l 4444'`,
    'seen',
    'unknown',
  ],
  [
    'a host from the environment',
    'qemu-system-x86_64 -monitor tcp:${HOST:-127.0.0.1}:1334,server,nowait',
    'seen',
    'unknown',
  ],
];

for (const [name, script, monitorSeen, everywhere] of cases) {
  test(`a launch script is judged by what it starts: ${name}`, () => {
    const text = script.startsWith('#!') || script.startsWith('\u007f') ? script : `#!/bin/bash\n${script}\n`;
    expect(opensMonitor(text), 'monitor').toBe(monitorSeen);
    expect(opensAllInterfaces(text), 'on all interfaces').toBe(everywhere);
  });
}
