export { hostCpu, snapshotIdentity, snapshotSubject, type SnapshotSubject } from './identity.js';
export {
  loadState,
  loadWhole,
  planForRestore,
  planForSnapshot,
  saveState,
  saveWhole,
  stateName,
  wholeStateName,
} from './migration.js';
export { SnapshotRefusedError } from './refused-error.js';
export type { Snapshot, SnapshotFiles } from './snapshot.js';
export {
  damageOf,
  discardSnapshot,
  ensureSnapshot,
  snapshotsFolder,
  type SnapshotProgress,
  type TakeSnapshot,
} from './store.js';
