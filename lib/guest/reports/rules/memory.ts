import type { ReportRule } from '../rule.js';
import { END_BACKTRACE } from './ends.js';

/** Page tables, swap entries and heap objects in a state that must not be; few of these use WARN, some set no taint. */
export const MEMORY_RULES: readonly ReportRule[] = [
  {
    kind: 'bad-page',
    grade: 'error',
    source: '`arch/x86/include/asm/pgtable_64.h`, `mm/pgtable-generic.c`, 6.1',
    example: 'mm/pgtable-generic.c:39: bad pud 00000000c41d7a55(8000000dead04827)',
    healthy: 'x86/pat: bad pud was never said',
    live: '`kernel_reports badpmd`',
    opens: /^(\S{1,200}:\d+: bad (?:pte|pmd|pud|p4d|pgd) .{1,80})/,
  },
  {
    kind: 'bad-page',
    grade: 'error',
    source: '`mm/swapfile.c`, 6.1 and 7.3; `mm/page_io.c`, 6.1; `mm/memory.c`, 7.3',
    example: 'get_swap_device: Bad swap file entry 3c00f2a57e0013b',
    healthy: 'Adding 1048572k swap on /dev/vda2.  Priority:-2 extents:1 across:1048572k',
    live: '`poke_pte` clears the present bit of a page; its process ends',
    opens:
      /^((?:\w{1,64} ?: )?(?:Bad|Unused) swap (?:file|offset) entry [0-9a-f]+|unrecognized swap entry 0x[0-9a-f]+|(?:Read|Write)-error on swap-device .{1,60}|Write error -?\d+ on dio swapfile.{0,20})/,
  },
  {
    kind: 'bad-page',
    grade: 'error',
    source: '`mm/memory.c`, `mm/page_alloc.c`, `mm/filemap.c`, 6.1',
    example: 'BUG: Bad page map in process walker  pte:8000000dead04867 pmd:0a1b2067',
    healthy: 'page_owner is disabled',
    live: '`kernel_reports badpage` with `page_poison=1`',
    blames: 'caller',
    opens: /^BUG: Bad page (state|map|cache) in process (.{1,120})/,
    headline: (match) => `bad page ${match[1] ?? ''} in process ${match[2] ?? ''}`,
    ends: END_BACKTRACE,
    taint: 'B',
  },
  {
    kind: 'bad-page',
    grade: 'error',
    source: '`kernel/fork.c`, `mm/memory.c`, `mm/page_alloc.c`, 6.1',
    example: 'BUG: Bad rss-counter state mm:00000000f1c0ffee type:MM_ANONPAGES val:3',
    healthy: 'Memory cgroup stats for /user.slice: anon 4096',
    live: '`kernel_reports badpmd`, when the writer ends',
    opens:
      /^BUG: ((?:Bad rss-counter state|non-zero pgtables_bytes on freeing mm|Bad page \w+: \d+ messages suppressed).{0,120})/,
  },
  {
    kind: 'bad-page',
    grade: 'error',
    source: '`arch/x86/mm/dump_pagetables.c`, `init_64.c`, 6.1',
    example: 'x86/mm: Checked W+X mappings: FAILED, 12 W+X pages found.',
    healthy: 'x86/mm: Checked W+X mappings: passed, no W+X pages found.',
    opens: /^(x86\/mm: Checked .{0,20}W\+X mappings: FAILED.{0,80}|PAGETABLE BUG #\d+!.{0,60})/,
  },
  {
    kind: 'bad-page',
    grade: 'error',
    source: '`arch/x86/kvm/mmu/mmu.c` (`get_mmio_spte`), 6.1 and 7.3',
    example:
      'get_mmio_spte: reserved bits set on MMU-present spte, addr 0xfee00000, hierarchy:\n------ spte = 0x6000000a1b2c907 level = 4, rsvd bits = 0x0',
    healthy: 'kvm: Nested Paging enabled',
    opens:
      /^(?:kvm: )?(\w{1,64}: (?:reserved bits set on MMU-present|detect reserved bits on) spte, addr 0x[0-9a-f]+)/,
    tail: /^(?:kvm: )?------ spte /,
    tailGap: 2,
  },
  {
    kind: 'bad-page',
    grade: 'error',
    source: '`arch/x86/kvm/vmx/vmx.c` (`handle_ept_misconfig`), 3.x; the words have gone since',
    example: 'EPT: Misconfiguration.\nEPT: GPA: 0xfd3fe000',
    healthy: 'kvm_intel: EPT support is not there',
    opens: /^(?:kvm(?:_intel)?: )?(EPT: Misconfiguration)/,
    adds: /^(?:kvm(?:_intel)?: )?EPT: (GPA: 0x[0-9a-f]+)/,
    tail: /^(?:kvm(?:_intel)?: )?(?:EPT: GPA|ept_misconfig)/,
    tailGap: 2,
  },
  {
    kind: 'bad-page',
    grade: 'error',
    source: '`arch/x86/kvm/mmu/tdp_mmu.c`, 6.1; `mmu.c`, `vmx.c` (#VE), 7.3',
    example: 'Unexpected SPTE change! Nonpresent SPTEs',
    healthy: 'kvm: SPTE is fine',
    opens:
      /^(?:kvm(?:_intel)?: )?((?:Invalid SPTE change:|Unexpected SPTE change!|SPTE [0-9a-f]+ \(@ |#VE [0-9a-f]+, spte\[).{0,160})/,
  },
  {
    kind: 'heap-corruption',
    grade: 'error',
    source: '`mm/slub.c` (`slab_bug`), 6.1 and 7.3',
    example: `${'='.repeat(77)}\nBUG kmalloc-96 (Tainted: G           OE     ): Poison overwritten`,
    healthy: 'SLUB: HWalign=64, Order=0-3, MinObjects=0, CPUs=2, Nodes=1',
    live: '`kernel_reports redzone` with `slub_debug=FZ,kmalloc-96`',
    blames: 'caller',
    // What begins with `kasan:` belongs to the report of KASAN's that follows (4.x).
    opens: /^BUG (\S{1,80}(?: \S{1,40})?) \((?:Not tainted|Tainted: [^)]{1,80})\): (?!kasan: )(.{1,160})/,
    headline: (match) => `BUG ${match[1] ?? ''}: ${match[2] ?? ''}`,
    ends: END_BACKTRACE,
    tail: /^(?:FIX |---\[ end trace )/,
    tailGap: 2,
    // Since 7.x the trace is a WARN's.
    absorbs: ['warning'],
    patience: 100,
    taint: 'B',
  },
  {
    kind: 'heap-corruption',
    grade: 'error',
    source:
      '`mm/page_poison.c`, `mm/slab.c`, `mm/slub.c`, `mm/dmapool.c`, `kernel/rcu/tree.c`, `arch/x86/kernel/check.c`, 6.1',
    example: 'pagealloc: memory corruption',
    healthy: 'page poisoning: off',
    live: '`kernel_reports poison` with `page_poison=1`',
    blames: 'caller',
    opens:
      /^(pagealloc: (?:memory corruption|single bit error)|Slab corruption \(.{1,120}|slab error in \w+\(\): .{1,120}|SLUB:? \S{1,80} \d+ (?:partial )?slabs counted but .{1,40}|(?:\S{1,40} \S{1,40}: )?dma_pool_\w+ .{1,80}(?:\((?:corrupted|bad dma|bad vaddr)\)|already free)|(?:rcu: )?\w{1,64}\(\): Double-freed CB .{1,120}|(?:check: )?Corrupted low memory at .{1,80})/,
    ends: END_BACKTRACE,
    patience: 12,
  },
  {
    kind: 'memory-leak',
    grade: 'warning',
    source: '`mm/kmemleak.c`, 6.1',
    example: 'kmemleak: 3 new suspected memory leaks (see /sys/kernel/debug/kmemleak)',
    healthy: 'kmemleak: Kernel memory leak detector initialized (mem pool available: 15679)',
    opens:
      /^(?:BUG: (?=memory)|kmemleak: )(memory leak|\d+ new suspected memory leaks?|unreferenced object 0x[0-9a-f]+ \(size \d+\))/,
    tail: /^(?:kmemleak: )?(?:unreferenced object| )/,
    absorbs: ['memory-leak'],
  },
];
