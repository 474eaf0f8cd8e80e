export { acquireLease, Lease, type LeaseOptions } from './lease.js';
export { acquireLock, LockTimeoutError, withLock, type LockOptions } from './lock.js';
export type { LeaseScope } from './name.js';
