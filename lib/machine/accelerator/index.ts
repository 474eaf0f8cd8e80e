export {
  AcceleratorUnavailableError,
  chooseAccelerator,
  type AcceleratorChoice,
  type AcceleratorOptions,
} from './choose.js';
export type { ProofMachine } from './prove.js';
