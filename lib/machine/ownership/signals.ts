/** Signals that ask a process to end and can be answered. */
const endings = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;

let installed = false;

/**
 * Ends everything gracefully, then lets the signal do what it does. A second signal meanwhile ends this process at once; the
 * watchdog finishes the work. Where somebody else answers signals already, as Playwright's workers do, theirs is the decision:
 * they tear down in their own order, and what they leave is the watchdog's.
 */
export function endOnSignals(endAll: () => Promise<unknown>): void {
  if (installed) return;
  installed = true;
  for (const signal of endings) {
    if (process.listenerCount(signal) > 0) continue;
    process.once(signal, () => {
      void endAll().finally(() => {
        // Our listener is gone (once), so this is the signal's default: to end with the signal as the cause.
        process.kill(process.pid, signal);
      });
    });
  }
}
