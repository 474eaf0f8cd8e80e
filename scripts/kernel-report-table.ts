import { type ReportRule, detectReports, RULES } from '../lib/guest/reports/index.js';

/** The table of docs/kernel-reports.md, from the rules themselves: `npx tsx scripts/kernel-report-table.ts > docs/kernel-reports.md`. */
export function kernelReportsPage(): string {
  const rules = RULES.filter(({ announces }) => announces !== 'drop');
  const live = rules.filter((rule) => rule.live !== undefined).length;
  return `# What counts as a kernel report

<!-- Made by scripts/kernel-report-table.ts from the rules in lib/guest/reports/rules; a unit spec compares. -->

A test fails when its guest's kernel reports something that the test neither expects nor allows (\`kernelReports\`). The grades: \`fatal\`:
the kernel, or the task that was in it, is gone. \`error\`: a defect was found, or the hardware or the firmware refused what the kernel
asked for; the kernel goes on. \`warning\`: something that a test should not cause, though the kernel works as designed.

A call trace that belongs to none of these is a report, too, unless it was asked for: \`sysrq\` (show registers, tasks, backtraces of all
CPUs), the kernel's self-test of backtraces, and fault injection. Processes that die of a fault are no report, nor is what user space
writes to /dev/kmsg.

Each rule has a sick and a healthy text, typed after the kernel's sources; both are checked by \`npm test\`. "Seen live" says how a real
kernel was made to say it (${live} of ${rules.length} rules), or why the text was only typed.

| Kind | Grade | Title of an example | Read in (file, version of Linux) | Seen live |
| --- | --- | --- | --- | --- |
${rules.map(row).join('\n')}
`;
}

function row(rule: ReportRule): string {
  const title = titleOf(rule).replace(/[|\\`<*]/g, '\\$&');
  return `| \`${rule.kind}\` | ${rule.grade} | ${title} | ${rule.source} | ${rule.live ?? `typed: ${whyTyped(rule)}`} |`;
}

/** What it would take to have a kernel say it; the first that fits the rule's kind and source counts. */
const LACKS: readonly (readonly [RegExp, string])[] = [
  [
    /^(?:kasan|kmsan|kcsan|kfence|ubsan|lockdep|atomic-sleep|memory-leak) /,
    'needs a kernel with that checker',
  ],
  [/^tdx /, 'needs a CPU with TDX'],
  [/^rmp /, 'needs a CPU with SEV-SNP'],
  [/^hard-lockup /, 'needs a PMU, which TCG has not'],
  [/amd\/iommu/, 'the `amd-iommu` of QEMU reports no access to an empty entry'],
  [/virtio-iommu/, "Debian's kernel has no driver for it"],
  [/mce_amd|apei|cper/, 'needs firmware with APEI, or an AMD CPU'],
  [/arch\/x86\/kvm/, 'needs a defect of KVM, or VMX'],
  [/csd_lock|workqueue|rust/, "needs a kernel option that Debian's has not"],
  [/^taint /, 'needs a module of that kind'],
  [/^/, 'needs a defect of the kernel, or broken hardware'],
];

function whyTyped({ kind, source }: ReportRule): string {
  return LACKS.find(([what]) => what.test(`${kind} ${source}`))?.[1] ?? '';
}

function titleOf({ example }: ReportRule): string {
  return detectReports(example.split('\n').map((text) => ({ text })))[0]?.title ?? '';
}

if (import.meta.filename === process.argv[1]) process.stdout.write(kernelReportsPage());
