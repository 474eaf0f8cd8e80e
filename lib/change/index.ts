export {
  type AccessEffect,
  type ChangeDescription,
  defineChange,
  isKernelChange,
  type KernelChange,
} from './change.js';
export { nameOf } from './words.js';
export { clearPageUser } from './clear-page-user.js';
export type { LogGrammar } from './log-grammar.js';
