import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import path from 'node:path';

import ts from 'typescript';

const root = path.resolve(import.meta.dirname, '../../..');

/** An error that the product makes, as its source has it. */
export interface ErrorMessage {
  /** `lib/monitor/connect.ts:80` */
  readonly place: string;
  readonly type: string;
  /** The first argument with words, with the source of what comes at run time: see `withoutPieces`. */
  readonly text: string;
}

/** Every `new …Error(…)` in the product's sources whose message has words of its own. */
export function errorMessages(): ErrorMessage[] {
  const files = execFileSync('git', ['ls-files', 'lib', 'fixtures', 'scripts'], {
    cwd: root,
    encoding: 'utf8',
  })
    .split('\n')
    .filter((file) => file.endsWith('.ts'));
  return files.flatMap((file) => messagesIn(file, readFileSync(path.join(root, file), 'utf8')));
}

export function messagesIn(file: string, source: string): ErrorMessage[] {
  const tree = ts.createSourceFile(file, source, ts.ScriptTarget.Latest, true);
  const found: ErrorMessage[] = [];
  const visit = (node: ts.Node): void => {
    if (ts.isNewExpression(node) && /(Error|Failure)$/.test(node.expression.getText())) {
      const text = (node.arguments ?? []).map(textOf).find((each) => /\w/.test(withoutPieces(each)));
      const line = tree.getLineAndCharacterOfPosition(node.getStart()).line + 1;
      if (text !== undefined) found.push({ place: `${file}:${line}`, type: node.expression.getText(), text });
    }
    ts.forEachChild(node, visit);
  };
  visit(tree);
  return found;
}

/** A piece that comes at run time stands between these. */
const pieces = /\u0001([^\u0002]*)\u0002/g;

/** The words that stand in the source, `…` for each piece. */
export function withoutPieces(text: string): string {
  return text.replaceAll(pieces, '…');
}

/** The source of each piece. */
export function piecesOf(text: string): string[] {
  return [...text.matchAll(pieces)].map(([, piece = '']) => piece);
}

function textOf(node: ts.Expression): string {
  if (ts.isStringLiteralLike(node)) return node.text;
  if (ts.isParenthesizedExpression(node)) return textOf(node.expression);
  if (ts.isConditionalExpression(node)) return `${textOf(node.whenTrue)} ${textOf(node.whenFalse)}`;
  if (ts.isBinaryExpression(node) && node.operatorToken.kind === ts.SyntaxKind.PlusToken)
    return textOf(node.left) + textOf(node.right);
  if (ts.isTemplateExpression(node)) {
    const spans = node.templateSpans.map(
      ({ expression, literal }) => `${pieceOf(expression)}${literal.text}`,
    );
    return `${node.head.text}${spans.join('')}`;
  }
  return pieceOf(node);
}

function pieceOf(node: ts.Expression): string {
  return `\u0001${node.getText()}\u0002`;
}
