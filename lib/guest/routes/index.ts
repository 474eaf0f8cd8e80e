/** The routes by which user mode may reach a page that is mapped for DMA. */
export { routes } from './catalog/index.js';
export { kcoreOffset } from './kcore.js';
export { probeRoute, type RouteResult } from './probe.js';
export { uncoveredPaths, type UncoveredPaths } from './uncovered.js';
export type { Attempt, Ground, Route, Scene } from './route.js';
