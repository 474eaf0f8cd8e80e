/**
 * npm run kill-stress [-- ROUNDS]     default: 100
 *
 * Kills a run that restores VMs, with SIGKILL to its whole process group at a random instant, again and again. Exits 1 if a round
 * left a process, a file or a lease behind, or touched somebody else's. One line for each round on stderr, the sum as JSON on stdout.
 */
import { loadavg } from 'node:os';

import { readCommandLine, refuse } from '../command-line.js';
import { median, rounded } from '../bench/statistics.js';
import { killRound, type Round } from './round.js';

const usage = 'usage: npm run kill-stress [-- ROUNDS]';
const { positionals } = readCommandLine(usage, { allowPositionals: true });
const [count = '100', ...more] = positionals;
if (!/^[1-9]\d*$/.test(count) || more.length > 0) refuse(usage, 'One number of rounds, 1 or more.');

/** Much more than the 3 s that are promised: what is slow is told from what stays. */
const patienceMs = 20_000;

// How long it takes until there is a VM differs from computer to computer: kills come before and after that.
const first = await killRound({ within: 'first VM', patienceMs });
const within = Math.round(1.5 * first.killedAfterMs);

const rounds: Round[] = [];
for (let index = 1; index <= Number(count); index += 1) {
  const round = index === 1 ? first : await killRound({ within, patienceMs });
  rounds.push(round);
  const { killedAfterMs, processes, qemus, leftovers, goneAfterMs, bystanderLives } = round;
  const left = leftovers.length === 0 ? 'nothing left' : `LEFT: ${leftovers.join('; ')}`;
  const bystander = bystanderLives ? '' : ', BYSTANDER DIED';
  console.error(
    `${index}: killed after ${Math.round(killedAfterMs)} ms with ${processes} processes (${qemus} QEMU): ` +
      `${left} after ${Math.round(goneAfterMs)} ms${bystander}`,
  );
}
const bad = rounds.filter(({ leftovers, bystanderLives }) => leftovers.length > 0 || !bystanderLives);
const gone = rounds.map(({ goneAfterMs }) => goneAfterMs);
console.log(
  JSON.stringify({
    metric: 'kill-stress',
    rounds: rounds.length,
    withQemu: rounds.filter(({ qemus }) => qemus > 0).length,
    withLeftovers: bad.length,
    goneAfterMs: { median: rounded(median(gone)), largest: rounded(Math.max(...gone)) },
    slowerThan3s: gone.filter((ms) => ms > 3_000).length,
    load: loadavg()[0],
  }),
);
process.exitCode = bad.length === 0 ? 0 : 1;
