/**
 * The form of the product's error messages: cause, what was seen, what to do next. Read from the sources (lib/, fixtures/, scripts/), so
 * that a new message is seen by itself. What it can see: that a message has words, that something of the moment is put into it, and that
 * it has a word of advice, a question, or a piece whose name says that it is one. What it cannot: whether any of that is right or of use,
 * messages that a class makes in its constructor or that come as one whole value, and sentences that are put together elsewhere.
 */
import { expect, test } from '@playwright/test';

import { type ErrorMessage, errorMessages, messagesIn, piecesOf, withoutPieces } from './error-messages.js';

const advice = new RegExp(
  '\\?|--help shows|E2E_\\w+=?|PWDEBUG|npm run|npx |\\b(ask|boot|build|change|check|choose|close|connect|copy|detach|do so|end|free|give|goes? on|' +
    'install|installs|join|keep|leave|let|load|look|make|move|must|name|needs?|only|open|pass|prunes?|put|raise|read|record|remove|report|resume|run|' +
    'runs on|scan|see|set|start|take|try|use|wait|write)\\b',
  'i',
);
/** Pieces by these names say what to do, or are another program's own reason. */
const adviceIn =
  /remedy|hint|advice|reason|problem|message|why|because|placeOf|ownerOf|WHERE|stderr|said|reply/i;

/** Types whose messages nobody is to act upon by themselves, and why. */
const partsOfOthers: Readonly<Record<string, string>> = {
  TypeError: 'a mistake in code of this project, or the cause of another error',
  RangeError: 'a mistake in code that calls',
  Error: 'the cause of another error',
  InvalidArgumentError: 'a mistake in code that calls',
  PagingError: 'a mistake in code of this project',
  PictureError: 'a mistake in code that calls',
  NotRamError: 'the end of a sentence: its class has the beginning',
  MemoryAccessError: 'why one way to memory is left for the next',
  SnapshotRefusedError: 'the end of a sentence: its class has the beginning',
  LineTooLongError: 'the cause of another error',
  SymbolsError: 'of a file that its caller names',
  MonitorCommandError: 'put together in its class',
  GdbProtocolError: 'the stub breaks its protocol: what it sent is all that helps',
  MonitorParseError: 'QEMU answers in an unknown way: what it said is all that helps',
  DebuggerError: 'Bochs answers in an unknown way: what it said is all that helps',
};

/** Messages that say what to do by a reason that another program gives, or that nothing can be done about. */
const nothingToDo = [
  /^(…: …: …\. The guest said: …|QEMU did not save the (machine's state|whole machine)\. It says: …)$/, // theirs is the reason
  /^(The engine could not …: …|… could not be built: …|…: did not succeed within … ms\. The last attempt: …)$/,
  /^The new owner's token … is taken/, // cannot be but by a broken source of random numbers
  /^The kernel log cannot tell whether/, // goes on with a list, and its class says what to do
  /^An L2 of one HLT came out/, // for developers of the benchmark
];

/** The message in words, where it has not the form. */
function wrongs({ place, type, text }: ErrorMessage): string[] {
  const words = withoutPieces(text);
  if (type in partsOfOthers || nothingToDo.some((each) => each.test(words))) return [];
  const missing = [
    ...((words.match(/[A-Za-z]{2,}|…/g)?.length ?? 0) < 3 ? ['the cause'] : []),
    // Where something is missing there is nothing to be seen.
    ...(words.includes('…') ||
    /\b(no|not|none|needs?|empty|without|beyond|damaged|needed|has five)\b/i.test(words)
      ? []
      : ['what was seen']),
    ...(advice.test(words) || piecesOf(text).some((each) => adviceIn.test(each)) ? [] : ['what to do']),
  ];
  return missing.length === 0 ? [] : [`${place} ${type} lacks ${missing.join(', ')}: ${words}`];
}

test('every error message has its cause, what was seen, and what to do', () => {
  const messages = errorMessages();
  expect(messages.length).toBeGreaterThan(250);
  expect(messages.flatMap(wrongs)).toEqual([]);
  // No exception outlives its messages.
  const types = new Set(messages.map(({ type }) => type));
  expect(Object.keys(partsOfOthers).filter((type) => !types.has(type))).toEqual([]);
  const texts = messages.map(({ text }) => withoutPieces(text));
  expect(nothingToDo.filter((each) => !texts.some((text) => each.test(text)))).toEqual([]);
});

test('a message that lacks one is found, however it is written', () => {
  const missing = (source: string) =>
    messagesIn('a.ts', source)
      .flatMap(wrongs)
      .map((each) => / lacks (.*?):/.exec(each)?.[1]);
  for (const [source, expected] of [
    ['new MonitorError(`The port ${port} is closed. Is the VM running?`)', []],
    ["new MonitorError('The file ' + file + ' is broken: ' + remedy)", []],
    ["new MonitorError(it ? `It has ${what}.` : 'It has more', { cause })", ['what to do']],
    ["throw new KernelError('The kernel broke. Wait for it')", ['what was seen']],
    ['new BootFailure(`Failed: ${error}`)', ['the cause, what to do']],
    ['new MonitorError(whole)', []],
  ] as const)
    expect(missing(source), source).toEqual(expected);
});
