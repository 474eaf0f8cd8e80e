/** `symbol+0x1a/0x2b0 [module]`, as %pS prints it; the module's build id may follow (%pSb). */
const SYMBOL = String.raw`([\w.$]{1,128}\+0x[0-9a-f]{1,8}\/0x[0-9a-f]{1,8}(?: \[[\w-]{1,64}\])?)`;

const KERNEL_RIP = new RegExp(`^RIP: 0010:${SYMBOL}`);
const FRAME = new RegExp(`^ +${SYMBOL}`);

/** Frames of the machinery that prints the trace; the culprit is below them. */
const MACHINERY =
  /^(?:dump_stack|refcount_warn_saturate|__list_(?:add|del_entry)_valid|show_stack|print_|kasan_|__kasan|kfence_|ubsan_|__ubsan|__warn|report_bug|handle_bug|exc_|asm_|die|page_fault_oops|bad_page|__might_|___might_|__schedule_bug|__schedule\b|schedule\b|preempt_schedule|lockdep_|check_|mark_lock|__lock_acquire|lock_acquire|rcu_|nmi_|trigger_|arch_trigger|watchdog_|hrtimer|__hrtimer|sysvec_|update_process_times|tick_|kernel_init_free|panic|down_|mutex_|__mutex|rwsem_|_raw_|oom_|dump_header|out_of_memory|__alloc_pages|__report_bug|warn_slowpath)/;

/** Lines that a report consists of, told from what other CPUs print in between. Bounded alternatives: no backtracking to speak of. */
const TRACE =
  /^(?:\s*$|\s*<\/?[A-Z#][\w#]*>|\s+(?:\? )?[\w.$]+\+0x|(?:CPU|PID|Code|Hardware name|Workqueue|Modules linked in|Call Trace|RIP|RSP|R[A-DS][XIP]|R\d\d|RBP|FS|CS|CR2|DR[036]|PKRU|PGD|#PF|Oops|Comm|Sending NMI|NMI backtrace|Kernel Offset|task|note|KASAN|Preemption|in_atomic\(\)|preempt_count|RCU nest|irq event|hardirqs|softirqs|page:|flags:|raw:|addr:|file:|rcu|Mem-Info|Node|oom|Read of size|Write of size|Allocated by|Freed by|Memory state|The buggy|Showing|Possible|stack backtrace|other info|but task|which|the existing)\b|RAX: |\[ end trace|---\[|----|====|-> #|[ >][0-9a-f]{16}: | +[#\^*])/;

/** The function in which the kernel was, from a line `RIP: 0010:…`; user mode's RIP has no name. */
export function functionOfRip(line: string): string | undefined {
  return KERNEL_RIP.exec(line)?.[1];
}

/** The function of a backtrace's frame, when it is not part of the machinery that prints traces. Guesses (`?`) do not count. */
export function functionOfFrame(line: string): string | undefined {
  const symbol = FRAME.exec(line)?.[1];
  return symbol === undefined || MACHINERY.test(symbol) ? undefined : symbol;
}

/** Whether the line looks like a part of a report. */
export function looksLikeTrace(line: string): boolean {
  return TRACE.test(line);
}
