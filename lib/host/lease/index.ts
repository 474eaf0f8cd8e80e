export { acquireLease, Lease } from './lease.js';
export { acquireLock, LockTimeoutError, withLock } from './lock.js';
