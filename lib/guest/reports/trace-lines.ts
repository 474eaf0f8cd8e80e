/** `symbol+0x1a/0x2b0 [module]`, as %pS prints it; the module's build id may follow (%pSb). */
const SYMBOL = String.raw`([\w.$]{1,128}\+0x[0-9a-f]{1,8}\/0x[0-9a-f]{1,8}(?: \[[\w-]{1,64}\])?)`;

const KERNEL_RIP = new RegExp(`^RIP: 0010:${SYMBOL}`);
const FRAME = new RegExp(`^ +${SYMBOL}`);

/** Frames of what finds and prints trouble: the culprit is below them. */
const CHECKS = [
  'dump_stack|show_(?:stack|trace|regs)|print_|nmi_|trigger_|arch_trigger|watchdog_|hrtimer|__hrtimer|sysvec_|update_process_times|tick_',
  'refcount_|__list_(?:add|del_entry)_valid|list_(?:add|del)_(?:valid|corruption)|__warn|report_bug|__report_bug|handle_bug|warn_slowpath|exc_|asm_|die|page_fault_oops|warn_bogus_irq_restore|debug_print_object|debug_check_no_obj|debug_object_|ref_tracker_|fortify_panic|__fortify|__copy_overflow|skb_(?:over_|under_)?panic|assert_?fail|rust_|_RN?v\\w*(?:panic|unwind)',
  'kasan_|__kasan|__sanitizer_|__x86_|trace_hardirqs|__asan_|kmsan_|__msan_|kcsan_|__tsan_|kfence_|ubsan_|__ubsan|bad_page|__might_|___might_|__schedule_bug',
  'lockdep_|check_|debug_smp|mark_lock|mark_usage|mark_held|__lock_acquire|lock_acquire|__lock_release|lock_release|register_lock_class|look_up_lock_class|assign_lock_key|validate_chain|debug_check|reacquire_held|rcu_|__rcu_',
  'oom_|dump_header|out_of_memory|__alloc_pages|get_page_from_freelist|__?get_free_page|get_zeroed_page|warn_alloc|alloc_pages|kernel_init_free|slab_|__slab_|___slab_|object_err|slub_|on_freelist|free_debug_processing|alloc_debug_processing|free_to_partial_list|free_consistency|alloc_consistency|init_object|kmem_cache_|__kmem_cache_|___cache_free|__kmalloc|kmalloc|kfree|kvfree|__free_pages|__check_|v[mz]alloc|__vmalloc|kernel_poison|__kernel_unpoison|unpoison',
  '__report_bad_irq|note_interrupt|handle_irq|__handle_irq|usercopy_abort|rmp_make_|native_(?:read|write)_msr|(?:rd|wr)msr|do_trace_(?:read|write)_msr|rmpupdate|panic\\b|smp_apic_timer|apic_timer_int|_?copy_(?:to|from)_(?:user|iter)\\b|__?mem(?:cpy|move|set|cmp)|mem(?:cpy|move|set|cmp|chr)\\b',
];

/** Frames of those who wait, and of the locks that they wait for. */
const WAITS = [
  '__schedule\\b|schedule\\b|schedule_(?:preempt_disabled|timeout|hrtimeout|idle|rtlock)|io_schedule|preempt_schedule|context_switch|__cond_resched',
  'down_|down\\b|__down|mutex_|__mutex|__ww_mutex|ww_mutex|rwsem_|up_(?:read|write)|percpu_rwsem|__percpu_|percpu_down|rt_mutex|__rt_mutex|rtlock|rwbase_|_raw_|do_raw_|__raw_|queued_\\w*slowpath|native_queued_|__pv_queued_|osq_lock|rt_spin_lock|mmap_(?:read|write)_lock|lock_mm_and_find_vma|__?filemap_get_folio|rtnl_lock|console_lock|inode_lock|lock_sock_nested',
  'complete(?:_all)?\\b|(?:del_timer|timer_delete)_sync|wait_for_(?:completion|common)|__wait_for_|do_wait_for_common|__wait_on_|wait_on_|out_of_line_wait|bit_wait|folio_wait_|__folio_lock|synchronize_|__synchronize_|__wait_rcu_gp|wait_rcu_gp|msleep|usleep_|prepare_to_wait|__?flush_work|flush_work|kthread_stop|smp_call_function|cancel_(?:delayed_)?work|dma_fence_(?:default_)?wait|irqentry_',
];

const MACHINERY = new RegExp(`^(?:${[...CHECKS, ...WAITS].join('|')})`);

/** Lines that a report consists of, told from what other CPUs print in between. Bounded alternatives: no backtracking to speak of. */
const TRACE =
  /^(?:\s*$|\s*<\/?[A-Z#][\w#]*>|\s+(?:\? )?[\w.$]+\+0x|(?:CPU|PID|Code|Hardware name|Workqueue|Modules linked in|Call Trace|RIP|RSP|R[A-DS][XIP]|R\d\d|RBP|FS|CS|CR2|DR[036]|PKRU|PGD|#PF|Oops|Comm|Sending NMI|NMI backtrace|Kernel Offset|task|note|KASAN|Preemption|in_atomic\(\)|preempt_count|RCU nest|irq event|hardirqs|softirqs|page:|flags:|raw:|addr:|file:|rcu|Mem-Info|Node|oom|Read of size|Write of size|Allocated by|Freed by|Memory state|The buggy|Showing|Possible|stack backtrace|other info|but task|which|the existing|Redzone|Object|Padding|Bytes b4|Slab|Allocated in|Freed in|Read|Write|read|write|value changed|Uninit|Local variable|Reported by|Fault|Sched_ext|Tainted)\b|RAX: |\[ end trace|---\[|----|====|-> #|[ >][0-9a-f]{16}: | +[#\^*])/;

/** The function in which the kernel was, from a line `RIP: 0010:…`; user mode's RIP has no name. */
export function functionOfRip(line: string): string | undefined {
  return KERNEL_RIP.exec(line)?.[1];
}

/** The function of a backtrace's frame, when it is not part of the machinery that prints traces. Guesses (`?`) do not count. */
export function functionOfFrame(line: string): string | undefined {
  const symbol = FRAME.exec(line)?.[1];
  return symbol === undefined || isMachinery(symbol) ? undefined : symbol;
}

/** Whether the function, as `name+0x12/0x34`, is one that finds trouble, prints it, or waits. */
export function isMachinery(symbol: string): boolean {
  return MACHINERY.test(symbol);
}

/** Whether the line looks like a part of a report. */
export function looksLikeTrace(line: string): boolean {
  return TRACE.test(line);
}
