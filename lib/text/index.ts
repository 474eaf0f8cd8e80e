export { stripControlCodes, stripEscapes } from './control-codes.js';
export { LineSplitter, type RawLine } from './line-splitter.js';
export { isCompiled, ownCommand } from './own-command.js';
export { oneLine, printable } from './printable.js';
