export { snapshotIdentity, type SnapshotSubject } from './identity.js';
export { loadState, planForRestore, planForSnapshot, saveState, stateName } from './migration.js';
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
