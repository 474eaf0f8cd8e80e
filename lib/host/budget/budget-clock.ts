import { BudgetClock } from './clock.js';
import { runDelays } from './run-delay.js';

/** `E2E_PATIENCE`: how many times as long everything may take, from a process's first moment on. Checked by fixtures/environment.ts. */
export const patience = Math.max(1, Number(process.env.E2E_PATIENCE ?? 1) || 1);

/** The one clock of this process's budgets. */
export const budgetClock = new BudgetClock({ delays: runDelays, patience });
