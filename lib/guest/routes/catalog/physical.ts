import { kcoreOffset } from '../kcore.js';
import type { Attempt, Route, Scene } from '../route.js';

/** Enough for the ELF header and the program headers of a guest with many memory ranges. */
const headerBytes = 64 * 1024;

async function readKcore({ guest, frame }: Scene): Promise<Attempt> {
  const header = await guest.run(['head', '-c', String(headerBytes), '/proc/kcore'], { binary: true });
  if (header.exitCode !== 0) return refused(header.stderr.toString());
  const offset = kcoreOffset(header.stdout, frame);
  if (offset === undefined) return { outcome: 'refused', why: 'the frame is in none of its segments' };
  const dd = ['dd', 'if=/proc/kcore', 'bs=8', 'count=1', `skip=${(offset / 8n).toString()}`];
  const data = await guest.run(dd, { binary: true });
  if (data.exitCode !== 0) return refused(data.stderr.toString());
  if (data.stdout.length !== 8) return { outcome: 'refused', why: `${data.stdout.length} of 8 bytes` };
  return { outcome: 'done', value: data.stdout.readBigUInt64LE() };
}

async function readDevMem({ guest, frame }: Scene): Promise<Attempt> {
  const { exitCode, stdout, stderr } = await guest.run(['devmem', `0x${frame.toString(16)}`, '64']);
  return exitCode === 0 ? { outcome: 'done', value: BigInt(stdout.trim()) } : refused(stderr);
}

/** The last words that a program said, which hold strerror's. */
function refused(stderr: string): Attempt {
  const last = stderr.trim().split('\n').at(-1) ?? '';
  return { outcome: 'refused', why: last.slice(-80) };
}

/** Root looks at physical memory. */
export const physicalRoutes: readonly Route[] = [
  { name: 'dev-mem', title: 'root maps the frame from /dev/mem', access: 'read', attempt: readDevMem },
  { name: 'kcore', title: 'root reads the frame from /proc/kcore', access: 'read', attempt: readKcore },
];
