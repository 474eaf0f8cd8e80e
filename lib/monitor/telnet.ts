/** RFC 854: commands begin with IAC; an option is offered by WILL or asked for by DO. */
const IAC = 255;
const DONT = 254;
const DO = 253;
const WONT = 252;
const WILL = 251;
const SUBNEGOTIATION = 250;
const SUBNEGOTIATION_END = 240;

/** Binary transmission (RFC 856), echo by the server (RFC 857), suppressed go-ahead (RFC 858): what QEMU wants. */
const ACCEPTED: Readonly<Record<number, ReadonlySet<number>>> = {
  [WILL]: new Set([0, 1, 3]),
  [DO]: new Set([0, 3]),
};
const AGREEMENT: Readonly<Record<number, number>> = { [WILL]: DO, [WONT]: DONT, [DO]: WILL, [DONT]: WONT };

/**
 * Takes telnet's own bytes (RFC 854) out of a stream, wherever chunks begin and end, and says what to answer. A stream without
 * them passes unchanged: UTF-8 text holds no byte 255.
 */
export class TelnetFilter {
  #state: 'data' | 'command' | 'option' | 'subnegotiation' | 'subnegotiation-command' = 'data';
  #verb = 0;
  /** Options that are on, as the verb that turned them on and the option's number: what is on already is not answered. */
  readonly #on = new Set<string>();
  #answers: number[] = [];
  #spoken = false;

  /** Whether the other end has spoken telnet. */
  get spoken(): boolean {
    return this.#spoken;
  }

  /** The chunk's text. */
  push(chunk: Buffer): Buffer {
    if (this.#state === 'data' && !chunk.includes(IAC)) return chunk;
    return Buffer.from([...chunk].filter((byte) => this.#isData(byte)));
  }

  /** What there is to answer since the last call. */
  takeAnswers(): Buffer {
    return Buffer.from(this.#answers.splice(0));
  }

  #isData(byte: number): boolean {
    switch (this.#state) {
      case 'data':
        if (byte === IAC) this.#state = 'command';
        return byte !== IAC;
      case 'command':
        this.#verb = byte;
        this.#state = byte in AGREEMENT ? 'option' : byte === SUBNEGOTIATION ? 'subnegotiation' : 'data';
        if (byte !== IAC) this.#spoken = true;
        return byte === IAC; // doubled, it is the byte itself
      case 'option':
        this.#negotiate(this.#verb, byte);
        this.#state = 'data';
        return false;
      case 'subnegotiation':
        if (byte === IAC) this.#state = 'subnegotiation-command';
        return false;
      case 'subnegotiation-command':
        this.#state = byte === SUBNEGOTIATION_END ? 'data' : 'subnegotiation';
        return false;
    }
  }

  #negotiate(verb: number, option: number): void {
    const turnsOn = verb === WILL || verb === DO;
    const key = `${String(turnsOn ? verb : verb === WONT ? WILL : DO)} ${String(option)}`;
    if (turnsOn && ACCEPTED[verb]?.has(option) !== true) {
      this.#answers.push(IAC, verb === WILL ? DONT : WONT, option);
    } else if (turnsOn !== this.#on.has(key)) {
      if (turnsOn) this.#on.add(key);
      else this.#on.delete(key);
      this.#answers.push(IAC, AGREEMENT[verb] ?? DONT, option);
    }
  }
}
