export { budgetClock, patience } from './budget-clock.js';
export { heedRunDelayOf } from './run-delay.js';
export { within } from './within.js';
