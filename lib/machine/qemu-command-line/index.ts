export { isOnLoopback, type Listener, listenersOf, onLoopback } from './listeners.js';
export { type CharacterPlace, monitorsOf, reachableMonitors, withConfigs } from './monitors.js';
export { option, parseCommandLine, type QemuOption, wordsOf } from './options.js';
export { driverOf, isOn, jsonOf, partsOf } from './properties.js';
