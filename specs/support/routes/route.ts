import type { GuestShell } from '../../../lib/guest/ssh/index.js';
import type { BufferKind, GuestBuffer } from '../../../lib/guest/vfio/options.js';
import type { VfioProcess } from '../../../lib/guest/vfio/process.js';
import { type Access, accessOf } from '../../../lib/guest/vfio/access.js';
import type { Reply } from '../../../lib/guest/tool/index.js';
import { InfrastructureError } from '../../../lib/errors.js';
import type { PteHistory } from '../../../lib/history/history.js';
import { _PAGE_PRESENT, _PAGE_USER } from '../../../lib/paging/index.js';
import type { RecorderFixtures } from '../../../fixtures/recorder.js';

/** The memory that a route leads to, before it is mapped for DMA. */
export interface Ground {
  readonly guest: GuestShell;
  readonly process: VfioProcess;
  readonly buffer: GuestBuffer;
  /** What the first 8 bytes of its first page hold. */
  readonly secret: bigint;
}

/** Records what is written to the entries of a page from now on. */
type Watch = (process: VfioProcess, address: bigint) => Promise<void>;

/** The same when it is mapped. */
export interface Scene extends Ground {
  /** Of another address, or process, than those of the mapping. */
  readonly watch: Watch;
  /** Physical address of the first page, which the device reaches. */
  readonly frame: bigint;
  /** What a writing route writes to the first 8 bytes. */
  readonly written: bigint;
  /** What `prepare` returned: a child, another address of the memory. */
  readonly prepared: bigint;
}

/** What came of trying. */
export type Attempt =
  | {
      readonly outcome: 'done';
      /** What was read; undefined for a write or an execution. */
      readonly value?: bigint;
    }
  | {
      readonly outcome: 'refused';
      /** Such as `SIGSEGV, error code 0x5` or `EFAULT`. */
      readonly why: string;
    };

/** One way by which a program of user mode may reach a page that is mapped for DMA. */
export interface Route {
  /** Names it in data; never changed. */
  readonly name: string;
  /** What a program does, for people. */
  readonly title: string;
  /** What the page is made of. Default: anonymous. */
  readonly memory?: BufferKind;
  /** Protection of the memory, as `alloc` takes it. Default: `rw`. */
  readonly protection?: string;
  readonly access: 'read' | 'write' | 'execute';
  /** What has to be there before the mapping is made. */
  readonly prepare?: (ground: Ground) => Promise<bigint>;
  readonly attempt: (scene: Scene) => Promise<Attempt>;
}

/** An access by a process, the one that mapped or its child, to an address, in the direction that is wanted. */
export async function touch(
  { process: mapper, buffer, written, watch }: Scene,
  access: 'read' | 'write' | 'execute',
  address: bigint,
  process = mapper,
): Promise<Attempt> {
  if (process !== mapper || address !== buffer.address) await watch(process, address);
  const args = { address, access, value: access === 'write' ? written : undefined };
  return attemptOf(accessOf(await process.request('touch', args)));
}

/** An operation of vfio-map's `route`: the kernel moves 8 bytes on behalf of a process. */
export async function viaKernel(
  { process, buffer, written }: Scene,
  route: string,
  who: { readonly pid?: number; readonly child?: bigint } = {},
): Promise<Attempt> {
  const reply = await process.request('route', { route, address: buffer.address, value: written, ...who });
  return outcomeOf(reply);
}

function outcomeOf(reply: Reply): Attempt {
  if (reply.text('outcome') !== 'done') return { outcome: 'refused', why: reply.text('errno') };
  return { outcome: 'done', ...(reply.has('value') ? { value: reply.bigint('value') } : {}) };
}

function attemptOf(access: Access): Attempt {
  switch (access.outcome) {
    case 'done':
      return { outcome: 'done', ...(access.value === undefined ? {} : { value: access.value }) };
    case 'stalled':
      return { outcome: 'refused', why: 'faults for ever' };
    case 'fault':
      return { outcome: 'refused', why: `${access.signal}, error code 0x${access.errorCode.toString(16)}` };
  }
}

/** ELF-64 (System V ABI): where the header and each program header have what is needed. */
const elf = { programHeaders: 32, headerSize: 54, headerCount: 56 } as const;
const program = { type: 0, offset: 8, physical: 24, memorySize: 40 } as const;
const PT_LOAD = 1;

/**
 * Where /proc/kcore has a physical address: in the segment of the kernel's direct map that covers it (fs/proc/kcore.c gives those
 * segments their physical addresses, and all ones to the others).
 *
 * @param header the file's first bytes, with all program headers
 * @returns the offset in the file; undefined where no segment has it, or the file is no such thing
 */
export function kcoreOffset(header: Buffer, physical: bigint): bigint | undefined {
  if (header.length < 64 || header.readUInt32BE(0) !== 0x7f454c46) return undefined;
  const first = Number(header.readBigUInt64LE(elf.programHeaders));
  const size = header.readUInt16LE(elf.headerSize);
  for (let index = 0; index < header.readUInt16LE(elf.headerCount); index += 1) {
    const at = first + index * size;
    if (at + 56 > header.length) return undefined;
    if (header.readUInt32LE(at + program.type) !== PT_LOAD) continue;
    const start = header.readBigUInt64LE(at + program.physical);
    const length = header.readBigUInt64LE(at + program.memorySize);
    if (physical >= start && physical + 8n <= start + length) {
      return header.readBigUInt64LE(at + program.offset) + physical - start;
    }
  }
  return undefined;
}

/** What a route leads to. */
export interface RouteResult {
  readonly route: Route;
  /** `open`: user mode reaches the page's data, or its address again. */
  readonly verdict: 'open' | 'closed';
  /** What was seen, in a few words. */
  readonly detail: string;
  /** What gave the entry back to user mode: functions of the kernel, the innermost first; or that nothing was seen to. */
  readonly opener: string;
}

const secret = 0x5ec0_de00_cafe_0000n;
const written = 0x0bad_f00d_0000_0001n;
/** A page of machine code whose first instruction is a return. */
const returnInstruction = 0xc3n;

/** What a kernel has to have for it, as specs' tags say it. */
export function needsOf({ memory }: Route): string[] {
  return memory === 'thp' || memory === 'hugetlb' || memory === 'memfd' ? [`@${memory}`] : [];
}

/**
 * Makes a page with known contents, maps it for DMA, tries the route, and looks: at what was read, from outside at what the frame holds that
 * the device reaches, and at who wrote the entries that the route went through. The mapping and its memory are gone afterwards; children stay.
 */
export async function probeRoute(
  process: VfioProcess,
  route: Route,
  recordPtes: RecorderFixtures['recordPtes'],
): Promise<RouteResult> {
  const { guest, memory } = process.host;
  const { memory: kind = 'anonymous', protection = 'rw' } = route;
  if (kind === 'hugetlb') await guest.succeed(['sysctl', '-w', 'vm.nr_hugepages=2']);
  const buffer = await process.alloc({ pages: 1, kind, protection });
  const holds = route.access === 'execute' ? returnInstruction : secret;
  const ground: Ground = { guest, process, buffer, secret: holds };
  const prepared = (await route.prepare?.(ground)) ?? 0n;
  // Written after a child was made: so the frame is the parent's own.
  await process.request('fill', { address: buffer.address, size: 4096n, value: holds });

  const mapping = await process.mapDma({ pages: Number(buffer.size / 4096n), buffer });
  const [page] = await process.entries(buffer.address, 1);
  const frame = page?.physicalAddress;
  if (frame === undefined) throw new InfrastructureError(`${route.name}: the mapped page has no frame.`);
  const histories: PteHistory[] = [];
  const watch: Watch = async (who, address) => {
    histories.push(await recordPtes({ process: who, buffer: { address, size: 4096n } }));
  };
  await watch(process, buffer.address);
  const scene: Scene = { ...ground, frame, written, prepared, watch };

  const attempt = await route.attempt(scene);
  const held = Buffer.from(await memory.read(frame, 8)).readBigUInt64LE();
  await mapping.unmap();
  await process.request('free', { address: buffer.address, size: buffer.size });
  return { route, ...judge(route, attempt, holds, held), opener: await openerOf(histories) };
}

const userPage = _PAGE_PRESENT | _PAGE_USER;

/** Who gave the entry that the route went through last to user mode: where a kernel that closes the route would do so. */
async function openerOf(histories: readonly PteHistory[]): Promise<string> {
  const history = histories.at(-1);
  const isOpen = ({ raw = 0n }: { raw?: bigint } = {}): boolean => (raw & userPage) === userPage;
  if (isOpen(history?.first[0])) return 'open from the beginning';
  const writes = (await history?.writes()) ?? [];
  const write = writes.findLast(({ before, after }) => isOpen(after) && !isOpen(before));
  if (!write) return '';
  const callers = (write.writer?.stack ?? []).map(({ text, certain }) => (certain ? text : `? ${text}`));
  const functions = [write.writer?.place, ...callers];
  return functions
    .slice(0, 3)
    .map((text) => (text ?? 'nobody was seen').replace(/\+0x\w+/, ''))
    .join(' ← ');
}

/** @param held what the frame holds afterwards */
function judge(
  route: Route,
  attempt: Attempt,
  holds: bigint,
  held: bigint,
): Pick<RouteResult, 'verdict' | 'detail'> {
  if (attempt.outcome === 'refused') return { verdict: 'closed', detail: attempt.why };
  if (route.access === 'execute') return { verdict: 'open', detail: 'executed' };
  if (route.access === 'write') {
    const detail = held === written ? 'the frame was written' : 'the address was written, on another frame';
    return { verdict: 'open', detail };
  }
  const detail = attempt.value === holds ? 'the data was read' : 'the address was read, on another frame';
  return { verdict: 'open', detail };
}

/** The routes by which user mode may reach a page that is mapped for DMA. */
export { routes } from './catalog.js';
export { uncoveredPaths } from './catalog.js';
