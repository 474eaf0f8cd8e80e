import { expect, test } from '@playwright/test';
import fc from 'fast-check';
import { readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { PassThrough, Readable } from 'node:stream';
import { dir } from 'tmp-promise';
import { Console, type ConsoleLine } from '../../../../lib/machine/console/index.js';
import { LineSplitter } from '../../../../lib/text/index.js';

async function withConsole(use: (console: Console) => Promise<void>, capBytes?: number): Promise<void> {
  const folder = await dir({ unsafeCleanup: true });
  const console = new Console({
    logFile: join(folder.path, 'console.log'),
    ...(capBytes ? { capBytes } : {}),
  });
  try {
    await use(console);
  } finally {
    console.close();
    await folder.cleanup();
  }
}

test('lines do not depend on how the bytes were cut', () => {
  const text = 'zwölf Bögen\r\n\n漢字 🙂 end\npartial ü';
  const bytes = Buffer.from(text);
  const expected = ['zwölf Bögen', '', '漢字 🙂 end', 'partial ü'];
  fc.assert(
    fc.property(fc.array(fc.integer({ min: 0, max: bytes.length })), (cuts) => {
      const splitter = new LineSplitter(4_096);
      const bounds = [0, ...cuts.toSorted((a, b) => a - b), bytes.length];
      const lines = bounds.slice(1).flatMap((end, i) => splitter.push(bytes.subarray(bounds[i], end)));
      expect([...lines, ...splitter.end()].map(({ text }) => text)).toEqual(expected);
    }),
  );
});

test('a line without end is cut, and says by how much', async () => {
  await withConsole(async (console) => {
    const stream = new PassThrough();
    const ended = console.attach(stream);
    const chunk = Buffer.alloc(65_536, 'x');
    for (let i = 0; i < 160; i++) stream.write(chunk);
    stream.write('\nnext');
    await expect.poll(() => console.tail.length).toBe(2);
    expect(console.tail.map(({ text }) => text)).toEqual([
      `${'x'.repeat(4_096)} [${160 * 65_536 - 4_096} more characters]`,
      'next',
    ]);
    stream.end();
    await ended;
  });
});

test('what is held of a line without end is bounded', () => {
  const splitter = new LineSplitter(4_096);
  for (let i = 0; i < 160; i++) expect(splitter.push('x'.repeat(65_536))).toEqual([]);
  expect(splitter.partial?.text).toHaveLength(4_096);
});

test('bytes that are no UTF-8 do not stop the console', async () => {
  await withConsole(async (console) => {
    await console.attach(Readable.from([Buffer.from([0x61, 0xff, 0xc3]), Buffer.from([0x28, 0x0a, 0x80])]));
    expect(console.tail.map(({ text }) => text)).toEqual(['a\ufffd\ufffd(', '\ufffd']);
    expect(readFileSync(console.logFile)).toEqual(Buffer.from([0x61, 0xff, 0xc3, 0x28, 0x0a, 0x80]));
  });
});

test('a listener hears complete lines once and a prompt while it stands there, until it stops', async () => {
  await withConsole(async (console) => {
    const heard: ConsoleLine[] = [];
    const stop = console.onLine((line) => heard.push(line));
    const stream = new PassThrough();
    const ended = console.attach(stream);
    stream.write('one\n\x1b[1mlog');
    await expect.poll(() => heard.length).toBe(2);
    stream.write('in: ');
    await expect.poll(() => heard.length).toBe(3);
    expect(console.tail.map(({ text }) => text)).toEqual(['one', 'login: ']);
    stream.end();
    await ended;
    expect(heard).toEqual([
      { text: 'one', number: 0, complete: true },
      { text: 'log', number: 1, complete: false },
      { text: 'login: ', number: 1, complete: false },
      { text: 'login: ', number: 1, complete: true },
    ]);
    expect(console.lineCount).toBe(2);
    stop();
    await console.attach(Readable.from(['after\n']));
    expect(heard).toHaveLength(4);
  });
});

test('two streams do not mix within a line', async () => {
  await withConsole(async (console) => {
    const [out, err] = [new PassThrough(), new PassThrough()];
    const both = Promise.all([console.attach(out), console.attach(err)]);
    out.write('half of a ');
    await new Promise(setImmediate);
    err.write('warning\n');
    await new Promise(setImmediate);
    out.end('line\n');
    err.destroy(new Error('broken pipe'));
    await both;
    expect(console.tail.map(({ text }) => text)).toEqual(['warning', 'half of a line']);
  });
});

test('a flood leaves 50 lines in memory and a capped log', async () => {
  await withConsole(async (console) => {
    function* flood() {
      for (let i = 0; i < 2_000; i++) yield Buffer.from(`flood ${i} ${'y'.repeat(16_000)}\n`);
    }
    await console.attach(Readable.from(flood()));
    console.close();
    expect(console.lineCount).toBe(2_000);
    expect(console.tail).toHaveLength(50);
    expect(console.tail[0]?.text).toMatch(/^flood 1950 y+ \[\d+ more characters\]$/);
    expect(statSync(console.logFile).size).toBeLessThan(1_000_100);
    const log = readFileSync(console.logFile, 'utf8');
    expect(log.startsWith('flood 0 ')).toBe(true);
    expect(log).toContain('bytes left out');
    expect(log.endsWith('y\n')).toBe(true);
  }, 1_000_000);
});
