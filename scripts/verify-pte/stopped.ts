import { InfrastructureError } from '../../lib/errors.js';
import type { Monitor } from '../../lib/monitor/index.js';

/** The first command shows whether the monitor works at all; later ones may take their time. */
const firstAnswerMs = 800;
const signals = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;

/**
 * Runs `work` while the VM stands still, and lets it run again if it ran before: also when `work` fails, and when this process
 * is told to end meanwhile.
 */
export async function whileStopped<T>(monitor: Monitor, work: () => Promise<T>): Promise<T> {
  const { running } = await monitor.infoStatus({ timeoutMs: firstAnswerMs });
  if (!running) return await work();
  let interrupted: NodeJS.Signals | undefined;
  let end: () => void = () => undefined;
  const ending = new Promise<never>((_, reject) => {
    end = () => {
      reject(new InfrastructureError(`Ended by ${interrupted ?? 'a signal'}; the VM runs on.`));
    };
  });
  // A signal that comes before the work has begun is heard of only then: until then nobody waits for this.
  ending.catch(() => undefined);
  const interrupt = (signal: NodeJS.Signals): void => {
    interrupted = signal;
    end();
  };
  for (const signal of signals) process.on(signal, interrupt);
  try {
    await monitor.stop();
    return await Promise.race([work(), ending]);
  } finally {
    await resume(monitor);
    for (const signal of signals) process.off(signal, interrupt);
  }
}

async function resume(monitor: Monitor): Promise<void> {
  try {
    await monitor.cont();
  } catch (error) {
    throw new InfrastructureError(
      `The VM was stopped for the walk and could not be continued: type "cont" in its monitor (${error instanceof Error ? error.message : String(error)}).`,
      { cause: error },
    );
  }
}
