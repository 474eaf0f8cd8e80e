import { expect, test } from '@playwright/test';
import fc from 'fast-check';
import { GdbProtocolError } from '../../../lib/gdb/index.js';
import { bytesOfHex, checksum, encodePacket, PacketReader } from '../../../lib/gdb/packet.js';
import { parseStopReply } from '../../../lib/gdb/stop-reply.js';
import { includedFiles, parseRegisterLayout } from '../../../lib/gdb/target-description.js';

const read = (...chunks: string[]) => {
  const reader = new PacketReader(1000);
  return chunks.flatMap((chunk) => [...reader.push(chunk)]);
};

test('known packets of the manual and of QEMU', () => {
  expect(encodePacket('OK')).toBe('$OK#9a');
  expect(encodePacket('')).toBe('$#00');
  expect(checksum('T05thread:p01.01;')).toBe('06');
  expect(read('+$E22#a9')).toEqual([{ kind: 'ack' }, { kind: 'packet', payload: 'E22' }]);
  expect(read('-$#00')).toEqual([{ kind: 'nak' }, { kind: 'packet', payload: '' }]);
});

test('escapes and run lengths are undone', () => {
  const reply = (raw: string) => read(`$${raw}#${checksum(raw)}`)[0];
  expect(reply('a}\x03b')).toEqual({ kind: 'packet', payload: 'a#b' });
  expect(reply('0* ')).toEqual({ kind: 'packet', payload: '0000' }); // the manual's example: ' ' is 29 + 3
  expect(reply('x}\x0a')).toEqual({ kind: 'packet', payload: 'x*' });
  for (const raw of ['}', '*!', 'a*', 'a*\x1d', '0*~'.repeat(20)])
    expect(() => reply(raw), raw).toThrow(GdbProtocolError);
});

test('packets come out whole wherever the stream is cut', () => {
  const stream = `+${encodePacket('m01,02')}-+${encodePacket('T05thread:01;')}${encodePacket('')}`;
  const whole = read(stream);
  expect(whole).toHaveLength(6);
  for (let cut = 0; cut <= stream.length; cut += 1)
    expect(read(stream.slice(0, cut), stream.slice(cut))).toEqual(whole);
});

test('a wrong checksum is told apart, whatever was damaged', () => {
  expect(read('$OK#9b')).toEqual([{ kind: 'corrupt', raw: 'OK' }]);
  fc.assert(
    fc.property(
      fc.string({ unit: fc.constantFrom('a', '0', 'f', ';') }),
      fc.integer({ min: 1, max: 255 }),
      (text, offset) => {
        const wrong = ((Number.parseInt(checksum(text), 16) + offset) & 0xff).toString(16).padStart(2, '0');
        expect(read(`$${text}#${wrong}`)).toEqual([{ kind: 'corrupt', raw: text }]);
      },
    ),
  );
});

test('what is no packet, or too large a one, is an error', () => {
  expect(() => read('SSH-2.0')).toThrow(GdbProtocolError);
  expect(() => read(`$${'0'.repeat(1001)}#00`)).toThrow(GdbProtocolError);
  expect(() => read('$', ...Array.from({ length: 30 }, () => '0'.repeat(50)))).toThrow(GdbProtocolError);
  expect(read(`$${'0'.repeat(900)}#`)).toEqual([]);
});

test('any bytes give events or a typed error', () => {
  fc.assert(
    fc.property(
      fc.array(fc.string({ unit: fc.constantFrom('$', '#', '+', '-', '*', '}', '0', 'a', '\xff') })),
      (chunks) => {
        try {
          read(...chunks);
        } catch (error) {
          expect(error).toBeInstanceOf(GdbProtocolError);
        }
      },
    ),
  );
});

test('hexadecimal memory', () => {
  expect([...bytesOfHex('00ff7f', 3)]).toEqual([0, 255, 127]);
  for (const digits of ['0', 'zz', '00', '0000', '00ff7'])
    expect(() => bytesOfHex(digits, 3), digits).toThrow(GdbProtocolError);
});

test('stop replies', () => {
  expect(parseStopReply('T05thread:01;')).toEqual({ signal: 5, cpu: 0 });
  expect(parseStopReply('T02thread:p01.0a;')).toEqual({ signal: 2, cpu: 9 });
  expect(parseStopReply('S05')).toEqual({ signal: 5, cpu: undefined });
  expect(parseStopReply('T05thread:02;watch:ffff888001f36868;')).toEqual({
    signal: 5,
    cpu: 1,
    watch: 0xffff_8880_01f3_6868n,
  });
  for (const payload of ['', 'W00', 'T', 'Tzz', 'T05thread:00;', 'T05thread:x;']) {
    expect(() => parseStopReply(payload), payload).toThrow(GdbProtocolError);
  }
});

test('register layouts: order, numbers, sizes, comments', () => {
  const xml =
    '<feature><reg name="rax" bitsize="64" regnum="0"/>\n<!--reg name="no" bitsize="64"/>\n<reg name="nor" bitsize="64"/-->' +
    '<reg name="eflags" bitsize="32" type="x"/><reg name="st0" bitsize="80"/><reg name="late" bitsize="8" regnum="9"/>' +
    '<reg name="early" bitsize="16" regnum="5"/></feature>';
  expect(parseRegisterLayout(xml)).toEqual([
    { name: 'rax', offset: 0, bytes: 8 },
    { name: 'eflags', offset: 8, bytes: 4 },
    { name: 'st0', offset: 12, bytes: 10 },
    { name: 'early', offset: 22, bytes: 2 },
    { name: 'late', offset: 24, bytes: 1 },
  ]);
  for (const bad of [
    '<reg bitsize="64"/>',
    '<reg name="a"/>',
    '<reg name="a" bitsize="0"/>',
    '<reg name="a" bitsize="9"/>',
  ]) {
    expect(() => parseRegisterLayout(bad), bad).toThrow(GdbProtocolError);
  }
  expect(includedFiles('<target><xi:include href="a.xml"/><xi:include href="b.xml"/></target>')).toEqual([
    'a.xml',
    'b.xml',
  ]);
  expect(() => includedFiles('<xi:include href="../etc:passwd"/>')).toThrow(GdbProtocolError);
});
