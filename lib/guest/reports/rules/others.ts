import type { ReportRule } from '../rule.js';

/** Trouble beside the kernel's own code: a healthy program that it let die, no memory, and modules that taint. */
export const OTHER_RULES: readonly ReportRule[] = [
  {
    kind: 'segfault',
    grade: 'error',
    source:
      '`arch/x86/mm/fault.c` (`show_signal_msg`), 6.1; for dropbear, which catches the signal, its `svr-main.c`, 2022.83',
    example:
      'sshd[77]: segfault at 7f1200000000 ip 0000000000401136 sp 00007ffc0000 error 5 in sshd[401000+1000]',
    healthy:
      'walker[77]: segfault at 7f1200000000 ip 0000000000401136 sp 00007ffc0000 error 5 in walker[401000+1000]',
    live: '`specs/vfio/protections/ssh-server`',
    opens:
      /^(?:Aiee, segfault! You should|(?:dropbear|sshd(?:-\w{1,16})?)\[\d{1,10}\]: (segfault at [0-9a-f]{1,16}).{0,80} error [0-9a-f]{1,4}\b)/,
    headline: ([, where]) => `the ssh server died of SIGSEGV${where === undefined ? '' : `: ${where}`}`,
  },
  {
    kind: 'oom',
    grade: 'warning',
    source: '`mm/oom_kill.c` (`dump_header`), 6.1',
    example:
      'walker invoked oom-killer: gfp_mask=0x140cca(GFP_HIGHUSER_MOVABLE|__GFP_COMP), order=0, oom_score_adj=0',
    healthy: 'oom_reaper: reaped nobody',
    live: 'a process that takes more than its group may have',
    opens: /^(.{1,32}) invoked oom-killer: (gfp_mask=0x.{0,80})/,
    headline: (match) => `OOM killer, invoked by ${match[1] ?? ''} (${match[2] ?? ''})`,
    ends: /^(?:Out of memory|Memory cgroup out of memory)/,
    tail: /^oom_reaper: /,
    tailGap: 2,
    patience: 400,
  },
  {
    kind: 'oom',
    grade: 'warning',
    source:
      '`mm/oom_kill.c` (`__oom_kill_process`), `mm/slub.c`, `mm/hugetlb.c`, `kernel/dma/swiotlb.c`, 6.1',
    example: 'Out of memory: Killed process 77 (walker) total-vm:1048576kB, anon-rss:524288kB',
    healthy: 'Memory: 484260K/523772K available',
    opens:
      /^((?:Memory cgroup o|O)ut of memory: Killed process .{1,80}|SLUB: Unable to allocate memory on .{1,100}|PID \d+ killed due to inadequate hugepage pool|(?:\S{1,40} \S{1,20}: )?swiotlb buffer is full.{0,80}|Huh VM_FAULT_OOM leaked out)/,
  },
  taint('O', 'loading out-of-tree module taints kernel', 'kernel/module/main.c', 'any module of the project'),
  taint(
    'E',
    'module verification failed: signature and/or required key missing - tainting kernel',
    'kernel/module/main.c',
    'any module of the project',
  ),
  taint('P', "module license 'Secret' taints kernel", 'kernel/module/main.c'),
  taint('N', 'loading test module taints kernel', 'kernel/module/main.c, 6.7'),
  taint('K', 'tainting kernel with TAINT_LIVEPATCH', 'kernel/module/livepatch.h'),
];

function taint(letter: string, words: string, file: string, live?: string): ReportRule {
  const said = words.replace("'Secret'", "'[^']{1,64}'");
  return {
    kind: 'taint',
    grade: 'warning',
    source: `\`${file.replace(/, .*/, '')}\`, ${/, (.*)/.exec(file)?.[1] ?? '6.1'}`,
    example: `widget: ${words}`,
    healthy: 'widget: module loaded',
    ...(live === undefined ? {} : { live }),
    opens: new RegExp(`^(\\S{1,64}: ${said})`),
    headline: (match) => `taint ${letter}: ${match[1] ?? ''}`,
    taint: letter,
  };
}
