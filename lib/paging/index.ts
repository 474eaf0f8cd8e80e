/** The public face of the paging library: decoders, walks, scans and diffs of page tables.  */
export * from './bits.js';
export * from './paging-errors.js';
export { isSync, type PhysicalMemory, type SyncPhysicalMemory } from './physical-memory.js';
export type { AddressSpace, EntryFormat, LevelRules } from './format.js';
export type { EntryKind, FormatName, TableEntry, Violation } from './entry.js';
export {
  bitRange,
  fieldMask,
  fieldNames,
  fieldValue,
  type BitField,
  type Decoded,
  type FieldRole,
  type Layout,
} from './bit-field.js';
export {
  addressBits,
  levelName,
  levelSize,
  tableIndex,
  type Depth,
  type Level,
  type LevelName,
} from './level.js';
export { rightsText, type Rights } from './rights.js';
export * from './x86/bits.js';
export * from './x86/linux-bits.js';
export type { LinuxMeaning } from './x86/linux-meaning.js';
export { absenceWords } from './x86/linux-words.js';
export { decodeX86Entry, encodeX86Entry, type X86Entry } from './x86/entry.js';
export type { X86Options } from './x86/rules.js';
export { x86Format, x86Space, type X86SpaceOptions } from './x86/format.js';
export { isCanonical, signExtend, splitAddress, type AddressParts } from './x86/address.js';
export * from './walk/result.js';
export { walk, walkSync } from './walk/walk.js';
export type { MappedRange, Mapping } from './scan/mapping.js';
export type { MappingColumns } from './scan/columns.js';
export type { AddressRange, ScanOptions } from './scan/options.js';
export type { ProblemReason, ScanProblem } from './scan/problem.js';
export { scan, scanSync, Scan } from './scan/scan.js';
export { mappedRanges, type RangeOptions } from './scan/ranges.js';
export { walkRange, walkRangeSync } from './scan/walk-range.js';
export { PageRun, type BitExpectation, type PageStatus, type PageView } from './scan/page-run.js';
export { diffScans, type DiffOptions } from './diff/diff.js';
export * from './diff/result.js';
export {
  walkIommu,
  walkIommuSync,
  secondLevelSpace,
  type IommuFault,
  type IommuFaultReason,
  type IommuOptions,
  type IommuWalk,
  type SourceId,
} from './walk/iommu.js';
export {
  walkNested,
  walkNestedSync,
  type NestedSpaces,
  type NestedStep,
  type NestedWalk,
} from './walk/nested.js';
export { decodeCr3, encodeCr3, isKptiUserPcid, kptiPair, type Cr3, type KptiPair } from './x86/cr3.js';
export {
  EFER,
  MISC_ENABLE,
  MSR_IA32_MISC_ENABLE,
  noExecuteInEffect,
  type Efer,
  type MiscEnable,
} from './x86/msr.js';
export {
  processorOf,
  type ControlRegisters,
  type Processor,
  type ProcessorFeatures,
} from './x86/processor.js';
export { not64Bit } from './x86/mode.js';
export { memoryTypeOf, PAT_AT_RESET, PAT_OF_LINUX, type MemoryType } from './x86/pat.js';
export { nptFormat, nptSpace } from './x86/npt.js';
export { decodeEptEntry, encodeEptEntry, type EptEntry } from './ept/entry.js';
export { decodeEptp, encodeEptp, type Eptp } from './ept/eptp.js';
export { eptFormat, eptSpace, type EptSpaceOptions } from './ept/format.js';
export { eptMemoryType, type EptMemoryType } from './ept/memory-type.js';
export type { EptOptions } from './ept/rules.js';
export { EPT_VPID_CAP, eptOptionsFrom, MSR_IA32_VMX_EPT_VPID_CAP, type EptVpidCap } from './ept/vpid-cap.js';
export {
  decodeSecondLevelEntry,
  encodeSecondLevelEntry,
  secondLevelFormat,
  type SecondLevelEntry,
  type SecondLevelOptions,
} from './vtd/second-level.js';
export {
  decodeContextEntry,
  encodeContextEntry,
  type ContextEntry,
  type TranslationType,
} from './vtd/context.js';
export {
  decodeRootEntry,
  decodeRootTableAddress,
  encodeRootEntry,
  encodeRootTableAddress,
  type RootEntry,
  type RootTableAddress,
  type TranslationTableMode,
} from './vtd/root.js';
export {
  decodeSpte,
  type AbsentSpte,
  type AdTracking,
  type KvmSpte,
  type MmioKvmSpte,
  type PresentSpte,
} from './kvm/spte.js';
export { encodeMmioSpte, type MmioSpte } from './kvm/mmio.js';
export type { SpteOptions } from './kvm/options.js';
export { PAGE_FAULT, type PageFault } from './fault/page-fault.js';
export { PFERR, type Pferr } from './fault/pferr.js';
export {
  EPT_VIOLATION,
  EXIT_REASON_EPT_MISCONFIG,
  EXIT_REASON_EPT_VIOLATION,
  type EptViolation,
} from './fault/ept-violation.js';
export type { FlagWord } from './flag-word.js';
export { VMA_FLAGS, type KernelRange, type VmaFlag } from './vma/flags.js';
export { decodeVmFlags, encodeVmFlags, parseVmFlags, vmaFlagBit, type VmFlags } from './vma/vm-flags.js';
export {
  protectionFromVma,
  type PteExpectation,
  type VmaAccess,
  type VmaProtection,
} from './vma/protection.js';
export { effectOfPin, isRightWhilePinning, type PinEffect, type PinOptions } from './vma/pin.js';
export { describe, sizeWords, summary, type AnyDecoded } from './describe.js';
