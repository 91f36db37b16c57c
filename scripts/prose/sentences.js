/**
 * Prose as sentences and words.
 *
 * Law: pure. `mask` keeps every offset: what it replaces has the same length afterwards.
 */

/** Stands for code, a quotation, a link target or an inserted value. One masked run is one word. */
const MASK = '\u2400';

const ABBREVIATION =
  /\b(?:e\.g|i\.e|cf|vs|etc|approx|incl|resp|St|Dr|Mr|Ms)\.(?=\s|[,)])|\bNo\.(?=\s\d)|\b[A-Z]\.(?=\s[A-Z])/g;

const MASKED = [
  /(`+)[\s\S]*?[^`]\1(?!`)/g,
  /\$\{[^}]*\}/g,
  /“[^”]*”/g,
  /(?<![\w"])"[^"\n]*"(?!\w)/g,
  /(?<![\w'’])'[^'\n]{1,80}'(?!\w)/g,
  /\{@link [^}]*\}/g,
  /\bhttps?:\/\/[^\s)>\]]+/g,
  /(?<=\]\()[^)\s]*(?=\))/g,
];

function hidden(run) {
  return MASK.repeat(run.length);
}

/** The text with code spans, quotations and addresses hidden, and without the stops of abbreviations. */
export function mask(text) {
  let masked = text;
  for (const pattern of MASKED) masked = masked.replace(pattern, hidden);
  return masked.replace(ABBREVIATION, (run) => run.replaceAll('.', '\u2024'));
}

/** A sentence ends at a stop if no lower-case letter follows it. */
const END = /[.!?…][)\]"”’*_]*(?=\s+[^\sa-z]|\s*$)/g;

/**
 * The sentences of one block of prose.
 *
 * @returns {{ text: string, start: number }[]} masked text, and its offset in the block
 */
export function sentencesOf(block) {
  const text = mask(block);
  const ends = [...text.matchAll(END)].map(({ index, 0: stop }) => index + stop.length);
  if (ends.at(-1) !== text.length) ends.push(text.length);
  const sentences = [];
  let from = 0;
  for (const end of ends) {
    const part = text.slice(from, end);
    const blank = part.length - part.trimStart().length;
    if (blank < part.length) sentences.push({ text: part.trim(), start: from + blank });
    from = end;
  }
  return sentences;
}

/** Words of a sentence. Marks without a letter or a digit do not count. */
export function wordCount(sentence) {
  return sentence.split(/[\s/—–]+/).filter((word) => /[\p{L}\p{N}\u2400]/u.test(word)).length;
}
