export { check } from './check.js';
export * from './rules.js';
export { isPromise } from './shown.js';
