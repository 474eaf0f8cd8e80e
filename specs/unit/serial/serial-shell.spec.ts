import { Duplex } from 'node:stream';

import { expect, test } from '@playwright/test';

import {
  GuestCommandError,
  GuestProcessEndedError,
  GuestTimeoutError,
} from '../../../lib/guest/ssh/errors.js';
import { escape, unescape } from '../../../lib/guest/serial/escape.js';
import { SerialShell } from '../../../lib/guest/serial/index.js';

/** The guest's end of the line: what the host wrote, line by line, and what the agent says. */
class FakeAgent {
  readonly heard: string[] = [];
  readonly line: Duplex;
  #partial = '';

  constructor(answer: (message: string, agent: FakeAgent) => void = () => undefined) {
    this.line = new Duplex({
      read: () => undefined,
      write: (chunk: Buffer, _, done) => {
        const lines = (this.#partial + chunk.toString('latin1')).split('\n');
        this.#partial = lines.pop() ?? '';
        for (const line of lines) {
          this.heard.push(line);
          answer(line, this);
        }
        done();
      },
    });
  }

  say(text: string): void {
    this.line.push(text);
  }
}

/** Answers each program that is started with what it was called with, and ends it. */
const echo = (message: string, agent: FakeAgent): void => {
  const [verb, id = '', ...words] = message.split(' ');
  if (verb === 'start') agent.say(`out ${id} ${words.join('+')}\nexit ${id} 0\n`);
};

test('any bytes are one word of printable ASCII, and what is no such word is refused', () => {
  const bytes = Buffer.from(Array.from({ length: 256 }, (_, byte) => byte));
  const word = escape(bytes);
  expect(word).toMatch(/^[!-~]+$/);
  expect(unescape(word)).toEqual(bytes);
  expect(unescape('')).toEqual(Buffer.alloc(0));
  for (const wrong of ['a b', '%', '%4', '%zz', '%4A', 'ä', 'a\r'])
    expect(unescape(wrong), wrong).toBeUndefined();
});

test('the shell is ready when the agent has said hello, in its version', async () => {
  const agent = new FakeAgent();
  const shell = new SerialShell('The guest', agent.line);
  agent.say('hello 1 1\n');
  await shell.ready;
  const other = new FakeAgent();
  const stranger = new SerialShell('The guest', other.line);
  other.say('hello 2 1\n');
  await expect(stranger.ready).rejects.toThrow('no message of its agent: "hello 2 1"');
});

test('arguments go out and output comes in as it is, split anywhere', async () => {
  const agent = new FakeAgent(echo);
  const shell = new SerialShell('The guest', agent.line);
  expect(await shell.succeed(['printf', 'a b\n%'])).toBe('printf+a b\n%');
  expect(agent.heard).toEqual(['start 1 printf a%20b%0a%25', 'eof 1']);
});

test('programs that run at the same time get their own output', async () => {
  const agent = new FakeAgent();
  const shell = new SerialShell('The guest', agent.line);
  const both = Promise.all([shell.run(['one']), shell.run(['two'])]);
  for (const byte of 'out 2 tw\nout 1 one\nerr 2 !\nexit 1 3\nout 2 o\nexit 2 0\n') agent.say(byte);
  expect(await both).toEqual([
    { exitCode: 3, stdout: 'one', stderr: '' },
    { exitCode: 0, stdout: 'two', stderr: '!' },
  ]);
});

test('a program that fails is named, with its exit code and what it wrote', async () => {
  const agent = new FakeAgent((message) => {
    if (message.startsWith('start')) agent.say('err 1 no%20such%20file%0a\nexit 1 2\n');
  });
  const failing = new SerialShell('The guest', agent.line).succeed(['cat', '/x']);
  await expect(failing).rejects.toThrow(GuestCommandError);
  await expect(failing).rejects.toThrow(/cat \/x: exit code 2.*no such file/s);
});

test('a program that does not end is killed, and its output so far is told', async () => {
  const agent = new FakeAgent((message) => {
    if (message.startsWith('start')) agent.say('out 1 waiting\n');
  });
  const running = new SerialShell('The guest', agent.line).run(['sleep', '9'], { timeoutMs: 100 });
  await expect(running).rejects.toThrow(GuestTimeoutError);
  await expect(running).rejects.toThrow(/within 100 ms.*waiting/s);
  expect(agent.heard.at(-1)).toBe('kill 1');
});

test('what is no message ends the line, and all that waits on it', async () => {
  const agent = new FakeAgent();
  const shell = new SerialShell('The guest', agent.line);
  const running = shell.run(['one']);
  agent.say('out 1 two words\n');
  await expect(running).rejects.toThrow('no message of its agent: "out 1 two words"');
  await expect(shell.run(['two'])).rejects.toThrow('no message of its agent');
});

test('a line that is closed in the middle ends commands and processes', async () => {
  const agent = new FakeAgent();
  const shell = new SerialShell('The guest', agent.line);
  const running = shell.run(['one']);
  const process = await shell.spawn(['two']);
  const reading = process.readLine({ timeoutMs: 60_000 });
  agent.say('out 1 half');
  agent.line.destroy();
  await expect(running).rejects.toThrow('its serial line was closed');
  await expect(reading).rejects.toThrow('its serial line was closed');
});

test('a process is spoken to in lines, and its end is told with its last words', async () => {
  const agent = new FakeAgent((message) => {
    if (message.startsWith('in ')) agent.say('out 1 par\nout 1 t%0arest\nerr 1 bye\nexit 1 4\n');
  });
  const process = await new SerialShell('The guest', agent.line).spawn(['tool']);
  await process.writeLine('hello');
  expect(agent.heard).toEqual(['start 1 tool', 'in 1 hello%0a']);
  expect(await process.readLine({ timeoutMs: 60_000 })).toBe('part');
  expect(await process.readLine({ timeoutMs: 60_000 })).toBe('rest');
  await expect(process.readLine({ timeoutMs: 60_000 })).rejects.toThrow(GuestProcessEndedError);
  expect(await process.exited).toEqual({ exitCode: 4, stderr: 'bye' });
});
