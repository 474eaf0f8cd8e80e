import { InfrastructureError } from '../../errors.js';

/**
 * A reply of a tool, or an object within one, read field by field: what the guest says is checked before it is believed.
 * Addresses and other 64-bit numbers are hexadecimal strings in it, small numbers are JSON numbers.
 */
export class Reply {
  readonly #fields: Readonly<Record<string, unknown>>;
  readonly #program: string;

  private constructor(program: string, fields: Readonly<Record<string, unknown>>) {
    this.#program = program;
    this.#fields = fields;
  }

  /**
   * @param program who answered, for messages
   * @throws InfrastructureError when the line is no JSON object
   */
  static parse(program: string, line: string): Reply {
    let value: unknown;
    try {
      value = JSON.parse(line);
    } catch (error) {
      throw new InfrastructureError(
        `${program} answered with something that is no JSON: ${excerpt(line)}. Is it this project's?`,
        {
          cause: error,
        },
      );
    }
    if (!isObject(value))
      throw new InfrastructureError(
        `${program} answered with no object: ${excerpt(line)}. Is it this project's?`,
      );
    return new Reply(program, value);
  }

  has(name: string): boolean {
    return this.#fields[name] !== undefined;
  }

  number(name: string): number {
    const value = this.#fields[name];
    return typeof value === 'number' ? value : this.#wrong(name, 'a number');
  }

  /** A number of up to 64 bits. */
  bigint(name: string): bigint {
    const value = this.#fields[name];
    return typeof value === 'string' && isHex(value)
      ? BigInt(value)
      : this.#wrong(name, 'a hexadecimal number');
  }

  text(name: string): string {
    const value = this.#fields[name];
    return typeof value === 'string' ? value : this.#wrong(name, 'a text');
  }

  flag(name: string): boolean {
    const value = this.#fields[name];
    return typeof value === 'boolean' ? value : this.#wrong(name, 'true or false');
  }

  part(name: string): Reply {
    const value = this.#fields[name];
    return isObject(value) ? new Reply(this.#program, value) : this.#wrong(name, 'an object');
  }

  numbers(name: string): number[] {
    const value = this.#fields[name];
    return Array.isArray(value) && value.every((each) => typeof each === 'number')
      ? value
      : this.#wrong(name, 'a list of numbers');
  }

  bigints(name: string): bigint[] {
    const value = this.#fields[name];
    return Array.isArray(value) && value.every((each) => typeof each === 'string' && isHex(each))
      ? value.map((each: string) => BigInt(each))
      : this.#wrong(name, 'a list of hexadecimal numbers');
  }

  parts(name: string): Reply[] {
    const value = this.#fields[name];
    return Array.isArray(value) && value.every(isObject)
      ? value.map((each) => new Reply(this.#program, each))
      : this.#wrong(name, 'a list of objects');
  }

  #wrong(name: string, wanted: string): never {
    throw new InfrastructureError(
      `${this.#program}'s reply should have ${wanted} called '${name}': ${excerpt(JSON.stringify(this.#fields))}. ` +
        'Are that tool in the guest and this harness of the same version?',
    );
  }
}

function isHex(text: string): boolean {
  return /^0x[0-9a-f]{1,16}$/.test(text);
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function excerpt(text: string): string {
  return text.length > 500 ? `${text.slice(0, 500)}…` : text;
}
