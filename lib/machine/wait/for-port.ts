import { createConnection } from 'node:net';
import { stripControlCodes } from '../../text/index.js';
import { forProbe, type ProbeAnswer } from './for-probe.js';
import type { WaitOptions, WaitStrategy } from './strategy.js';

export interface PortOptions extends WaitOptions {
  /** Default: 127.0.0.1. */
  host?: string;
  /**
   * What the first bytes that the server sends must match, such as /^SSH-2/. QEMU's user-mode network accepts a connection to a
   * forwarded port before anything in the guest listens, so there only a greeting proves a server.
   */
  greeting?: RegExp;
}

/** A forwarded connection whose guest side is not up hangs: then a new one is tried. */
const attemptMs = 1_000;
const longestGreeting = 1_024;

/** A TCP port that accepts a connection, and greets if asked for. Budget: 30 s unless told otherwise. */
export function forPort(port: number, options: PortOptions = {}): WaitStrategy {
  const { host = '127.0.0.1', greeting, budgetMs = 30_000 } = options;
  return forProbe((signal) => connect(host, port, greeting, signal), {
    awaited: options.awaited ?? `port ${host}:${port}${greeting ? ` to greet with ${greeting}` : ''}`,
    budgetMs,
  });
}

function connect(
  host: string,
  port: number,
  greeting: RegExp | undefined,
  signal: AbortSignal,
): Promise<ProbeAnswer> {
  return new Promise((resolve) => {
    const connection = createConnection({ host, port });
    const answer = (result: ProbeAnswer): void => {
      signal.removeEventListener('abort', giveUp);
      connection.destroy();
      resolve(result);
    };
    const giveUp = (): void => {
      answer({ saw: 'the wait was over' });
    };
    signal.addEventListener('abort', giveUp);
    let received = '';
    connection.setEncoding('latin1');
    connection.setTimeout(attemptMs, () => {
      answer({ saw: `port ${port} accepted a connection and stayed silent` });
    });
    connection.on('error', (error) => {
      answer({ saw: `port ${port}: ${error.message}` });
    });
    connection.on('end', () => {
      answer({ saw: `port ${port} closed the connection` });
    });
    connection.on('connect', () => {
      if (!greeting) answer('ready');
    });
    connection.on('data', (text: string) => {
      received = (received + text).slice(0, longestGreeting);
      if (greeting && received.search(greeting) !== -1) answer('ready');
      else if (received.length === longestGreeting || received.includes('\n')) {
        answer({ saw: `port ${port} greeted with "${stripControlCodes(received).trim().slice(0, 200)}"` });
      }
    });
  });
}
