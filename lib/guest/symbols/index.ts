/** Names for a running kernel's addresses: from its own tables, System.map or /proc/kallsyms, moved with KASLR. */
export { SymbolsError } from './errors.js';
export { kallsymsOfImage } from './kallsyms-image.js';
export { parseKallsyms } from './kallsyms-text.js';
export { whereabouts } from './locate.js';
export { moduleAt, parseModules } from './modules.js';
export { moduleSymbols } from './module-symbols.js';
export { namedPlaces, symbolsOfMachine, symbolsOfMachineKernel } from './of-machine.js';
export { placeSymbols } from './place.js';
export type { SymbolHit, SymbolTable } from './symbol-table.js';
export { writeSymbolFile } from './write-symbol-file.js';
