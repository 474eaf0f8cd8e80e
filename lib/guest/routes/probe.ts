import { InfrastructureError } from '../../errors.js';
import type { VfioProcess } from '../vfio/process.js';
import type { Attempt, Ground, Route, Scene } from './route.js';

/** What a route leads to. */
export interface RouteResult {
  readonly route: Route;
  /** `open`: user mode reaches the page's data, or its address again. */
  readonly verdict: 'open' | 'closed';
  /** What was seen, in a few words. */
  readonly detail: string;
}

const secret = 0x5ec0_de00_cafe_0000n;
const written = 0x0bad_f00d_0000_0001n;
/** A page of machine code whose first instruction is a return. */
const returnInstruction = 0xc3n;

/**
 * Makes a page with known contents, maps it for DMA, tries the route, and looks: at what was read, and, from outside, at what the
 * frame holds that the device reaches. The mapping and its memory are gone afterwards; children stay.
 */
export async function probeRoute(process: VfioProcess, route: Route): Promise<RouteResult> {
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
  const scene: Scene = { ...ground, frame, written, prepared };

  const attempt = await route.attempt(scene);
  const held = Buffer.from(await memory.read(frame, 8)).readBigUInt64LE();
  await mapping.unmap();
  await process.request('free', { address: buffer.address, size: buffer.size });
  return { route, ...judge(route, attempt, holds, held) };
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
