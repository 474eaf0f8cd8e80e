export { readGuestState } from './read.js';
export { resetGuest, type ResetReport } from './reset.js';
export type { GuestState } from './state.js';
