import { PAGE_FAULT, type PageFault } from '../../../../lib/paging/index.js';
import type { MappedWalk, Walk, X86Entry } from '../../../../lib/paging/index.js';

/** One access to a linear address. */
export interface Access {
  /** 'fetch' is an instruction fetch. */
  readonly kind: 'read' | 'write' | 'fetch';
  /** Made in user mode (CPL 3). */
  readonly user: boolean;
}

/** The state of the processor that decides besides the tables. The defaults are those of a running Linux. */
export interface AccessControls {
  /** CR0.WP: supervisor writes respect R/W. Default true. */
  readonly writeProtect?: boolean;
  /** EFER.NXE: with CR4.SMEP it decides whether an error code tells fetches from reads. Default true. */
  readonly nxe?: boolean;
  /** CR4.SMEP: the supervisor fetches nothing from user pages. Default true. */
  readonly smep?: boolean;
  /** CR4.SMAP without EFLAGS.AC: the supervisor reads and writes no user pages. Default true. */
  readonly smap?: boolean;
  /** CR4.PKE: PKRU governs user pages. Default: if `pkru` is given. */
  readonly protectionKeys?: boolean;
  /** PKRU: two bits per protection key, access-disable and write-disable. Unknown if left out with keys on. */
  readonly pkru?: number;
}

/**
 * What comes of an access: it is permitted, or the processor raises #PF with this error code. 'unknown' if a table could
 * not be read, or if it depends on what is not known of the processor.
 */
export type AccessOutcome =
  | { readonly outcome: 'permitted'; readonly pageFault: undefined }
  | { readonly outcome: 'fault'; readonly pageFault: PageFault }
  | { readonly outcome: 'unknown'; readonly pageFault: undefined };

/**
 * Says what the processor would make of an access to a walked address, from effective rights, protection key and control
 * bits (SDM vol. 3, 4.6.1, 4.6.2 and 4.7). A user read of a page whose `_PAGE_USER` was cleared gives error code 0x5.
 * Shadow-stack accesses, SGX and the TLB's memory of older rights are left out.
 */
export function checkAccess(
  walk: Walk<X86Entry>,
  access: Access,
  controls: AccessControls = {},
): AccessOutcome {
  const unknown = { outcome: 'unknown', pageFault: undefined } as const;
  if (walk.fault?.reason === 'unreadable' || walk.fault?.reason === 'unknown-processor') return unknown;
  const keyForbids = walk.mapped && protectionKeyForbids(walk, access, controls);
  if (keyForbids === 'unknown') return unknown;
  if (walk.mapped && !keyForbids && rightsPermit(walk, access, controls)) {
    return { outcome: 'permitted', pageFault: undefined };
  }
  const code = PAGE_FAULT.encode({
    ...PAGE_FAULT.decode(0n),
    protection: walk.mapped || walk.fault.reason === 'reserved-bits',
    write: access.kind === 'write',
    user: access.user,
    reservedBit: walk.fault?.reason === 'reserved-bits',
    instructionFetch: access.kind === 'fetch' && ((controls.nxe ?? true) || (controls.smep ?? true)),
    protectionKey: keyForbids,
  });
  return { outcome: 'fault', pageFault: PAGE_FAULT.decode(code) };
}

function rightsPermit(
  { effectiveRights }: MappedWalk<X86Entry>,
  { kind, user }: Access,
  { writeProtect = true, smep = true, smap = true }: AccessControls,
): boolean {
  if (user && !effectiveRights.user) return false;
  const supervisorOnUserPage = !user && effectiveRights.user;
  if (kind === 'fetch') return effectiveRights.execute && !(supervisorOnUserPage && smep);
  if (supervisorOnUserPage && smap) return false;
  return kind === 'read' || effectiveRights.write || (!user && !writeProtect);
}

/** Keys govern data accesses to user pages, from either mode. */
function protectionKeyForbids(
  { effectiveRights, leaf }: MappedWalk<X86Entry>,
  { kind, user }: Access,
  { writeProtect = true, pkru, protectionKeys = pkru !== undefined }: AccessControls,
): boolean | 'unknown' {
  if (kind === 'fetch' || !effectiveRights.user || !protectionKeys) return false;
  if (pkru === undefined) return 'unknown';
  const bits = pkru >>> (2 * leaf.entry.protectionKey);
  const accessDisabled = (bits & 1) !== 0;
  const writeDisabled = (bits & 2) !== 0;
  return accessDisabled || (writeDisabled && kind === 'write' && (user || writeProtect));
}
