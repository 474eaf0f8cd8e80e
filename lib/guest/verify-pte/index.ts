/** The guest's own view of a page-table entry: typed client of /proc/verify_pte. */
export { parseAnswer, type VerifiedPte } from './answer.js';
export { VerifyPteError, VerifyPteUnavailableError, type VerifyPteFailure } from './errors.js';
export { type PteQuery, queryText, verifyPte, verifyPtes } from './verify-pte.js';
