/** job-summary.ts SUMMARY: a run's summary as Markdown, for the page of an Actions job. */
import { summaryMarkdown } from '../../fixtures/reporters/summary/markdown.js';
import { readSummary } from './read-summary.js';

const summary = readSummary(process.argv[2]);
console.log(summary ? summaryMarkdown(summary) : '## No verdict\n\nThe run left no summary.');
