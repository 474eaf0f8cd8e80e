/** A piece of a word: `quoted` is not split at blanks, `literal` has no expansions (single quotes, a backslash). */
interface Piece {
  readonly text: string;
  readonly quoted: boolean;
  readonly literal: boolean;
}

export type ShellWord = readonly Piece[];

/** A simple command of a script, or an assignment of an array. */
export interface ShellCommand {
  readonly words: readonly ShellWord[];
  /** The elements of `NAME=( … )`, which is the last word then. */
  readonly array?: readonly ShellWord[];
  /** It may not run: it is in a branch, a loop, or behind && or ||. */
  readonly maybe: boolean;
  /** The function whose body it belongs to: it runs where that is called. */
  readonly within: string | undefined;
}

const openers = new Set(['if', 'case', 'while', 'until', 'for', 'select', '{']);
const closers = new Set(['fi', 'esac', 'done', '}']);
const silent = new Set(['then', 'else', 'elif', 'do', '!', 'time']);

/**
 * The simple commands of a shell script's text, in their order, without running any of it. Expansions stay as they are written. It knows
 * what launch scripts are made of (quotes, comments, continued lines, arrays, here-documents, branches), not the whole language: what is
 * made of more is to be judged as unknown by whoever asks.
 */
export function shellCommands(script: string): ShellCommand[] {
  const text = script.replaceAll('\r', '');
  const commands: ShellCommand[] = [];
  let words: ShellWord[] = [];
  let array: ShellWord[] | undefined;
  let word: Piece[] | undefined;
  let inArray = false;
  let depth = 0;
  /** The function that is being defined, and the depth outside of it. */
  let body: { readonly name: string; readonly depth: number } | undefined;
  let conditional = false;
  const heredocs: string[] = [];

  const add = (piece: Piece): void => void (word ??= []).push(piece);
  const endWord = (): void => {
    if (word) (inArray ? (array ??= []) : words).push(word);
    word = undefined;
  };
  const endCommand = (operator: string): void => {
    endWord();
    while (words.length > 0) {
      const first = plain(words[0] ?? []);
      if (openers.has(first)) depth += 1;
      else if (closers.has(first)) depth = Math.max(0, depth - 1);
      else if (!silent.has(first)) break;
      if (body && depth < body.depth + 1 && closers.has(first)) body = undefined;
      words.shift();
    }
    if (plain(words[0] ?? []) === 'function') {
      body = { name: plain(words[1] ?? []), depth };
      if (plain(words.at(-1) ?? []) === '{') depth += 1;
    } else if (words.length > 0) {
      const maybe = conditional || depth > (body ? body.depth + 1 : 0);
      commands.push({ words, ...(array ? { array } : {}), maybe, within: body?.name });
    }
    words = [];
    array = undefined;
    conditional = operator === '&&' || operator === '||';
  };

  for (let at = 0; at < text.length; at += 1) {
    const character = text[at] ?? '';
    const rest = text.slice(at, at + 3);
    if (character === '\\') {
      if (text[at + 1] !== '\n') add({ text: text[at + 1] ?? '', quoted: true, literal: true });
      at += 1;
    } else if (rest.startsWith("$'")) {
      const [whole = '', ansi = ''] = /^\$'((?:\\.|[^'\\])*)'?/s.exec(text.slice(at)) ?? [];
      add({
        text: ansi.replace(/\\(.)/gs, (_, each: string) => ({ n: '\n', t: '\t' })[each] ?? each),
        quoted: true,
        literal: true,
      });
      at += whole.length - 1;
    } else if (character === "'") {
      const end = endOf(text.indexOf("'", at + 1), text);
      add({ text: text.slice(at + 1, end), quoted: true, literal: true });
      at = end;
    } else if (character === '"') {
      let piece = '';
      for (at += 1; at < text.length && text[at] !== '"'; at += 1) {
        if (text[at] === '\\' && /["\\$`\n]/.test(text[at + 1] ?? '')) {
          add({ text: piece, quoted: true, literal: false });
          if (text[at + 1] !== '\n') add({ text: text[at + 1] ?? '', quoted: true, literal: true });
          piece = '';
          at += 1;
        } else if (text[at] === '$' || text[at] === '`') {
          const end = expansionEnd(text, at);
          piece += text.slice(at, end);
          at = end - 1;
        } else piece += text[at] ?? '';
      }
      add({ text: piece, quoted: true, literal: false });
    } else if (rest.startsWith('$"')) {
      continue; // translated: the quotes are as others are
    } else if (character === '$' || character === '`') {
      const end = expansionEnd(text, at);
      add({ text: text.slice(at, end), quoted: false, literal: false });
      at = end - 1;
    } else if (character === '#' && !word) {
      at = endOf(text.indexOf('\n', at), text) - 1;
    } else if (rest === '<<<') {
      at += 2;
    } else if (rest.startsWith('((') && !word) {
      at = expansionEnd(text, at - 1) - 1; // arithmetic, whose << is none of a here-document
    } else if (rest.startsWith('<<')) {
      const [whole = '', quote = '', quoted = '', bare = ''] =
        /^<<-?\s*(?:(["'])(.*?)\1|\\?([^\s;|&<>()]*))/.exec(text.slice(at)) ?? [];
      heredocs.push(quote === '' ? bare : quoted);
      endWord();
      at += whole.length - 1;
    } else if (character === '(' && word && !inArray && /^[A-Za-z_]\w*\+?=$/.test(plain(word))) {
      endWord();
      inArray = true;
      array = [];
    } else if (character === '(' && word && !inArray && /^\(\s*\)/.test(text.slice(at))) {
      body = { name: plain(word), depth };
      word = undefined;
      words = [];
      at = text.indexOf(')', at);
    } else if (character === ')' && inArray) {
      endWord();
      inArray = false;
    } else if (/[ \t]/.test(character) || (inArray && character === '\n')) endWord();
    else if (/[\n;|&()]/.test(character)) {
      const operator = /^(&&|\|\|)/.exec(rest)?.[0] ?? character;
      // `2>&1` and `&>` are redirections.
      if (character === '&' && operator === '&' && (text[at - 1] === '>' || text[at + 1] === '>')) {
        add({ text: '&', quoted: false, literal: true });
        continue;
      }
      endCommand(operator);
      at += operator.length - 1;
      if (character !== '\n') continue;
      for (const mark of heredocs.splice(0)) {
        const lines = text.slice(at + 1).split('\n');
        const end = lines.findIndex((line) => line.replace(/^\t*/, '') === mark);
        at = end < 0 ? text.length : at + 1 + lines.slice(0, end + 1).join('\n').length;
      }
    } else add({ text: character, quoted: false, literal: true });
  }
  endCommand('\n');
  return commands;
}

/** A word's text as it is written, without its quotes. */
export function plain(word: ShellWord): string {
  return word.map(({ text }) => text).join('');
}

function endOf(found: number, text: string): number {
  return found < 0 ? text.length : found;
}

/** Where `$…`, `${…}`, `$(…)`, `$((…))` or a pair of backticks that begins here ends. */
export function expansionEnd(text: string, at: number): number {
  if (text[at] === '`') return endOf(text.indexOf('`', at + 1), text) + 1;
  const opening = text[at + 1] ?? '';
  if (opening !== '{' && opening !== '(')
    return at + 1 + (/^(\w+|[@*#?$!-])?/.exec(text.slice(at + 1))?.[0].length ?? 0);
  const closing = opening === '{' ? '}' : ')';
  let depth = 0;
  for (let end = at + 1; end < text.length; end += 1) {
    if (text[end] === opening) depth += 1;
    if (text[end] === closing) depth -= 1;
    if (depth === 0) return end + 1;
  }
  return text.length;
}
