/**
 * Markdown as blocks of prose.
 *
 * Law: pure. Code blocks, HTML and addresses are no prose.
 */
import { marked } from 'marked';
import { findingsIn } from './rules.js';

/** The pieces of prose in a token of marked: paragraphs, headings, items, cells. */
function* piecesOf(tokens) {
  for (const token of tokens ?? []) {
    if (token.type === 'list') for (const item of token.items) yield* piecesOf(item.tokens);
    else if (token.type === 'blockquote') yield* piecesOf(token.tokens);
    else if (token.type === 'table') for (const cell of [token.header, ...token.rows].flat()) yield cell.text;
    else if (['paragraph', 'heading', 'text'].includes(token.type)) yield token.text;
  }
}

function placeOf(text, offset) {
  const before = text.slice(0, offset).split('\n');
  return { line: before.length, column: before.at(-1).length + 1 };
}

/** Where a piece begins: items and quotes lose their marks, so only its first line is looked for. */
function find(text, piece, from) {
  const at = text.indexOf(piece.split('\n')[0], from);
  return at === -1 ? from : at;
}

/** The place of an offset in a piece, whose further lines may have lost their indentation. */
function placeIn(text, start, piece, offset) {
  const lines = piece.slice(0, offset).split('\n');
  const { line, column } = placeOf(text, start);
  if (lines.length === 1) return { line, column: column + offset };
  return { line: line + lines.length - 1, column: lines.at(-1).length + 1 };
}

/**
 * Everything that is wrong in a Markdown document.
 *
 * @returns {{ line: number, column: number, rule: string, message: string }[]}
 */
export function findingsInMarkdown(text) {
  const found = [];
  let from = 0;
  for (const piece of piecesOf(marked.lexer(text))) {
    const start = find(text, piece, from);
    from = start + piece.split('\n')[0].length;
    for (const { offset, rule, message } of findingsIn(piece, 'markdown'))
      found.push({ ...placeIn(text, start, piece, offset), rule, message });
  }
  return found;
}
