export { isOnLoopback, listenersOf, onLoopback } from './listeners.js';
export { monitorsOf, reachableMonitors, withConfigs } from './monitors.js';
export { option, parseCommandLine, type QemuOption, settledBy, withSets, wordsOf } from './options.js';
export { driverOf, jsonOf } from './properties.js';
