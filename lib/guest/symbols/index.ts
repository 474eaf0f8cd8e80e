/** Names for a running kernel's addresses: from its own tables, System.map or /proc/kallsyms, moved with KASLR. */
export { SymbolsError } from './errors.js';
export { kallsymsOfImage } from './kallsyms-image.js';
export { parseKallsyms } from './kallsyms-text.js';
export { symbolsOfKernel } from './kernel-file.js';
export { functionOf, type Names, whereabouts } from './locate.js';
export { type LoadedModule, moduleAt, parseModules } from './modules.js';
export { placeSymbols } from './place.js';
export { symbolFile } from './symbol-file.js';
export { type KernelSymbol, type SymbolHit, SymbolTable } from './symbol-table.js';
export { writeSymbolFile } from './write-symbol-file.js';
export { kernelOfPlan, symbolsOfMachine, whereaboutsFor } from './of-plan.js';
