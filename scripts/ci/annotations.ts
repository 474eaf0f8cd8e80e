/**
 * annotations.ts SUMMARY: what a run's summary names as failed or flaky, as commands to an Actions runner, which shows each at its line.
 */
import { readSummary } from './read-summary.js';
import { workflowCommand } from './workflow-command.js';

const summary = readSummary(process.argv[2]);
if (!summary) {
  console.log(workflowCommand('error', { title: 'No verdict' }, 'The run left no summary.'));
} else {
  for (const { title, text, location } of summary.failures) {
    console.log(workflowCommand('error', { ...location, title }, text));
  }
  for (const title of summary.flaky) {
    console.log(workflowCommand('warning', { title: 'Flaky' }, `Passed only when tried again: ${title}`));
  }
  if (summary.verdict === 'none') console.log(workflowCommand('error', { title: 'No verdict' }, summary.why));
}
