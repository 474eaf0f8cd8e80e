/** Pictures as SVG documents (strings), made from values: pure, self-contained, for light and dark pages. */
export { PictureError } from './picture-error.js';
export { registerPicture } from './register/register.js';
export type { RegisterDiagram, RegisterValue } from './register/model.js';
export { walkPicture } from './walk/walk.js';
export { iommuWalkPicture } from './walk/iommu.js';
export { nestedWalkPicture } from './walk/nested.js';
export type { IommuWalkDiagram, NestedWalkDiagram, Start, WalkDiagram } from './walk/model.js';
export { addressSpacePicture } from './map/map.js';
export type { AddressSpaceMap, MapMark, MapRange } from './map/model.js';
export { diffPicture } from './diff/diff.js';
export type { DiffDiagram } from './diff/model.js';
export { timelinePicture } from './timeline/timeline.js';
export type { PhaseKind, Timeline, TimelineEvent, TimelinePhase } from './timeline/model.js';
export { tablePicture } from './table/table.js';
export type { TableCell, TableColumn, TableDiagram } from './table/model.js';
