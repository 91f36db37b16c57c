/**
 * Comments as blocks of prose: paragraphs, list items, tags.
 *
 * Law: pure. Drawings, samples and directives are no prose.
 */

const DIRECTIVE =
  /^\s*(?:eslint\b|eslint-|@ts-|ts-|prettier-|global\b|globals\b|v8 |c8 |istanbul |#|\/|@vitest|@jsx|@type\b|webpack)/;
const TAG = /^@(\w+)(?:\s+\{[^}]*\})?\s*/;
/** Tags whose text begins behind a name, and tags whose text is no prose. */
const NAMED = new Set(['param', 'property', 'template', 'typedef', 'throws']);
const NO_PROSE = new Set(['example', 'see', 'type', 'import', 'module', 'license', 'typedef']);
const ITEM = /^(?:[-*•]|\d+[.)])\s+/;
/** A line with a gap inside is a row of a drawing. */
const DRAWING = /\S {3,}\S|^[|+│┌└├╭╰─=*-]{3,}|^\|/;

export function isDirective(comment) {
  return DIRECTIVE.test(comment);
}

/** The lines of a comment without their stars: text, and the offset of the text in `value`. */
function linesOf(value) {
  const lines = [];
  let at = 0;
  for (const line of value.split('\n')) {
    const lead = /^\s*\*+ ?/.exec(line)?.[0] ?? (at === 0 ? '' : /^\s*/.exec(line)[0]);
    lines.push({ text: line.slice(lead.length).trimEnd(), offset: at + lead.length });
    at += line.length + 1;
  }
  return lines;
}

class Blocks {
  list = [];
  #open = null;

  /** A new block begins at `text`. */
  begin(text, offset) {
    this.#open = { text: '', map: [] };
    this.list.push(this.#open);
    this.add(text, offset);
  }

  /** Adds a line to the open block, or begins one. */
  add(text, offset) {
    if (this.#open === null) return this.begin(text, offset);
    if (this.#open.text !== '') this.#open.text += '\n';
    this.#open.map.push([this.#open.text.length, offset]);
    this.#open.text += text;
  }

  end() {
    this.#open = null;
  }
}

/** The name behind a tag, and the tag itself, are no prose. */
function tagEnd(text) {
  const [all, name] = TAG.exec(text);
  if (NO_PROSE.has(name)) return undefined;
  const rest = text.slice(all.length);
  return all.length + (NAMED.has(name) ? (/^\S+\s*(?:-\s+)?/.exec(rest)?.[0].length ?? 0) : 0);
}

/**
 * The blocks of a comment.
 *
 * @param {string} value the comment between its marks
 * @returns {{ text: string, map: [number, number][] }[]} `map` pairs offsets in the text with offsets in `value`
 */
export function blocksOf(value) {
  const blocks = new Blocks();
  let isSkipped = false;
  let isItem = false;
  for (const { text: line, offset } of linesOf(value)) {
    const text = line.trimStart();
    const indent = line.length - text.length;
    const at = offset + indent;
    if (text.startsWith('```')) isSkipped = !isSkipped;
    if (text.startsWith('@')) {
      const end = tagEnd(text);
      isSkipped = end === undefined;
      if (!isSkipped) blocks.begin(text.slice(end), at + end);
    } else if (isSkipped || text === '' || DRAWING.test(text) || (indent >= 2 && !isItem)) {
      blocks.end();
      if (text === '') isItem = false;
    } else if (ITEM.test(text)) {
      isItem = true;
      const mark = ITEM.exec(text)[0].length;
      blocks.begin(text.slice(mark), at + mark);
    } else blocks.add(text, at);
  }
  return blocks.list;
}

/** The offset in the source of an offset in a block. */
export function sourceOffset({ map }, offset) {
  const [from, to] = map.findLast(([start]) => start <= offset) ?? [0, 0];
  return to + offset - from;
}
