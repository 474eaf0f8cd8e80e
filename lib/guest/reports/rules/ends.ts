/** WARN, BUG and oops print it last (Linux 6.1, `print_oops_end_marker` in `kernel/panic.c`). */
export const END_TRACE = /^---\[ end trace /;

/** The end of a backtrace: the task's stack is the last of the stacks that are printed. */
export const END_BACKTRACE = /^ *<\/TASK>/;

/** KASAN, KFENCE and UBSAN frame their reports with it. */
export const SEPARATOR = /^={50,}$/;

/** After the end of an oops the registers come once more, and what became of the task (`oops_end`, `make_task_dead`). */
export const REGISTERS =
  /^(?:RIP|RSP|RAX|RDX|RBP|R10|R13|FS|CS|CR2|DR0|DR3|PKRU|Code|note|Fixing recursive fault|Kernel Offset)\b/;
