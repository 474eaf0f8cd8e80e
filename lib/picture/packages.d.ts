/** The parts that are used here of two packages that ship no types. */
declare module 'onml' {
  /** JsonML: a tag, its attributes, its children. Text in it must be escaped already: `stringify` writes it as it stands. */
  export type JsonMl = [
    tag: string,
    attributes: Record<string, string | number>,
    ...children: (JsonMl | string)[],
  ];
  export function stringify(tree: JsonMl, indentation?: number): string;
  /** Strict XML parsing (throws on markup that is not well-formed); entities in the result are decoded. */
  export function parse(text: string): JsonMl;
}

declare module 'bit-field' {
  import type { JsonMl } from 'onml';
  export interface Field {
    bits: number;
    name?: string;
    /** Index into the package's own colours; kept here only so that a field gets a `rect`. */
    type?: number;
    /** Lines under the field; a number is drawn bit by bit. */
    attr?: number | string | (number | string | null)[];
    /** Attributes for the field's background. */
    rect?: Record<string, string | number>;
  }
  export interface Options {
    lanes: number;
    bits: number;
    hspace: number;
    vspace: number;
    fontsize: number;
    margin: { left: number; right: number; top: number; bottom: number };
    label?: { left: string[] };
  }
  export function render(fields: Field[], options: Options): JsonMl;
}
