import type { SymbolHit } from '../guest/symbols/index.js';

/** A return address on a kernel stack. */
export interface Frame {
  readonly address: bigint;
  /** As the kernel prints it: `vfio_iommu_type1_ioctl+0x3c1 [vfio_iommu_type1]`. */
  readonly text: string;
  /** The instruction before it calls the function below; of the others it is only likely, and the kernel would mark them `?`. */
  readonly certain: boolean;
}

export interface ChainInput {
  /** Behind the instruction that wrote. */
  readonly rip: bigint;
  /** The stack from RSP on. */
  readonly stack: Buffer;
  /** Of a kernel with frame pointers. */
  readonly framePointers?: { readonly rsp: bigint; readonly rbp: bigint } | undefined;
  /** The function in the kernel's text, or a module's, that an address lies in; undefined for anything else. */
  readonly resolve: (address: bigint) => SymbolHit | undefined;
  /** The bytes before an address of code, as many as asked for; undefined where they cannot be read. */
  readonly before: (address: bigint, length: number) => Promise<Buffer | undefined>;
}

/** The longest call through memory has 7 bytes: `ff /2` with SIB and a displacement of 32 bits (SDM vol. 2, CALL). */
const longestCall = 7;
const mostFrames = 24;
/** Calls through a register go by way of these (arch/x86/lib/retpoline.S). */
const thunk = /^__x86_indirect_(call_)?thunk/;

/**
 * The functions that a kernel stack tells of, the innermost first. Kernels without frame pointers leave no chain in memory, so that a
 * return address is told from other numbers by the call before it, and is certain only where that calls the very function below. Where
 * frame pointers lead to it, it is certain as well.
 */
export async function callChain({
  rip,
  stack,
  framePointers,
  resolve,
  before,
}: ChainInput): Promise<Frame[]> {
  const linked = linkedFrames(stack, framePointers);
  const frames: (Frame & { readonly name: string })[] = [];
  /** Functions that may be running below the next frame. */
  const callees = [resolve(rip)?.name];
  for (let at = 0; at + 8 <= stack.length && frames.length < mostFrames; at += 8) {
    const address = stack.readBigUInt64LE(at);
    const place = resolve(address);
    if (place === undefined) continue;
    const call = callBefore(address, await before(address, longestCall));
    if (call === undefined) continue;
    const target = call.target === undefined ? undefined : resolve(call.target)?.name;
    const isIndirect = target === undefined || thunk.test(target);
    const below = isIndirect ? -1 : callees.indexOf(target);
    // A direct call of something else is what an earlier call has left there.
    const isLinked = linked.has(at);
    const certain = isLinked || below >= 0;
    if (isLinked) callees.splice(0, callees.length, place.name);
    else if (certain) {
      const callee = frames.findIndex(({ name }) => name === target);
      const found = frames[callee];
      if (found) frames[callee] = { ...found, certain };
      callees.splice(0, callees.length, place.name);
    } else if (isIndirect) {
      callees.push(place.name);
    }
    frames.push({ address, text: place.text, name: place.name, certain });
  }
  return frames.map(({ address, text, certain }) => ({ address, text, certain }));
}

/** Where frame pointers say that return addresses lie: each points to the outer function's, above which its own return address is. */
function linkedFrames(stack: Buffer, start: ChainInput['framePointers']): ReadonlySet<number> {
  const places = new Set<number>();
  if (start === undefined) return places;
  const { rsp } = start;
  let at = Number(start.rbp - rsp);
  while (at >= 0 && at + 16 <= stack.length) {
    places.add(at + 8);
    const outer = Number(stack.readBigUInt64LE(at) - rsp);
    if (outer <= at) break;
    at = outer;
  }
  return places;
}

/** The call instruction that ends at `address`; its target where it has one. */
function callBefore(
  address: bigint,
  bytes: Buffer | undefined,
): { readonly target: bigint | undefined } | undefined {
  if (bytes?.length !== longestCall) return undefined;
  if (bytes[longestCall - 5] === 0xe8)
    return { target: address + BigInt(bytes.readInt32LE(longestCall - 4)) };
  for (let length = 2; length <= longestCall; length += 1) {
    const at = longestCall - length;
    if (bytes[at] === 0xff && (((bytes[at + 1] ?? 0) >> 3) & 7) === 2) return { target: undefined };
  }
  return undefined;
}
