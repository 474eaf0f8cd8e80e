import type { BitExpectation } from '../../paging/scan/page-run.js';
import type { IommuWalk } from '../../paging/walk/iommu.js';
import type { NestedWalk } from '../../paging/walk/nested.js';
import type { Walk } from '../../paging/walk/result.js';

interface Diagram {
  title: string;
  subtitle?: string;
  /** What the leaf was expected to have (of a two-dimensional walk: the guest's own leaf). What it has not is marked. */
  expected?: BitExpectation;
}

/** The register that a walk starts from, such as `{ label: 'CR3', value }`. */
export interface Start {
  label: string;
  value: bigint;
}

export interface WalkDiagram extends Diagram {
  walk: Walk;
  /** Default: the root's address. */
  start?: Start;
}

export interface IommuWalkDiagram extends Diagram {
  walk: IommuWalk;
}

export interface NestedWalkDiagram extends Diagram {
  walk: NestedWalk;
  /** Default: the root's guest-physical address. */
  start?: Start;
}
