/**
 * The rules for English in this repository, as data, and the functions that apply them.
 *
 * Law: pure; knows text, not files and not syntax. A rule is here only if nearly each of its findings is a fault.
 */
import { sentencesOf, wordCount } from './sentences.js';

/** Words in one sentence, and characters in the subject of a commit. */
export const LONGEST_SENTENCE = 25;
export const LONGEST_SUBJECT = 72;

/** Nouns for people and for documents: these may ask, say and want. */
const PERSON =
  'you|we|I|users?|persons?|people|readers?|operators?|authors?|maintainers?|contributors?|developers?|newcomers?|attackers?|humans?|reviewers?|anyone|everyone|programmers?|administrators?';
const DOCUMENT =
  'RFC|RFCs|\\d{4}|standards?|specifications?|specs?|docs|documentation|documents?|PEP|pages?|readme|README|manuals?|card|law|changelog|issues?|notes?|section|§[\\d.]+';
/** These words, unless one of these nouns stands up to three words before. The look back comes last: it is slow. */
const unless = (nouns, words) =>
  `\\b(?=(?:${words})\\b)(?<!\\b(?:${nouns})(?:,? \\w+){0,2},? )(?:${words})\\b`;

/** Each rule: what it finds, why that is a fault, and what to write. */
export const PHRASES = [
  {
    rule: 'actor',
    find: [
      String.raw`\b(?:nobody|somebody|whoever|whomever|whosoever)(?:’s|'s)?\b`,
      String.raw`\banybody\b`,
      unless(PERSON, 'who|whom'),
    ],
    remedy: 'name the actor: the acceptor, the worker, the client, the application, the caller',
  },
  {
    rule: 'noun',
    find: [
      String.raw`\bthat of\b(?! (?:course|late)\b)`,
      String.raw`\bthose (?:of|that|which|in|for|from|with|whose)\b`,
      String.raw`\bthe (?:latter|former)\b`,
      String.raw`\bof (?:ours|theirs)\b`,
      String.raw`\bof (?:Node|piscina|TypeScript|the server|the application)[’']s(?=[.,;:)]|\s*$)`,
    ],
    remedy: 'repeat the noun',
  },
  {
    rule: 'verb',
    find: [
      unless(PERSON, 'tells|hears|wants'),
      unless(`${PERSON}|${DOCUMENT}`, 'says|asks'),
      String.raw`\b(?:is|are|was|were|be|been|being) (?:told|asked|given)\b`,
      String.raw`\blets\b`,
      String.raw`\b(?:comes|come|came) to (?:be|nothing|an end|the|a)\b`,
    ],
    remedy: 'use the verb that does the work: sends, reads, reports, requests, receives, allows',
  },
  {
    rule: 'condition',
    find: [
      String.raw`\bunless (?:told|said|given) otherwise\b`,
      String.raw`(?<!to |\b(?:and|or|must|may|can|will|not) )\bsave (?:for|that|where|when|if|of|one|the one)\b`,
      String.raw`, save (?!the file|it\b|them\b)`,
      String.raw`\bfor the time being\b`,
      String.raw`\bor else\b`,
    ],
    remedy: 'spell the condition out: "If X, … Otherwise …"',
  },
  {
    rule: 'default',
    find: [String.raw`(?:^|[;:,(] ?)(?:0|−1)(?: is|:) (?:never|any|none|no limit|not given|for ?ever|off)\b`],
    remedy: 'write "Default: 30s. 0 disables the limit."',
  },
  {
    rule: 'ellipsis',
    find: [
      String.raw`\b(?:then|above it|below it|otherwise|else) [1-5]\d\d(?!\s*(?:ms|s|bytes|B)\b)(?=[;,.)]|$)`,
      String.raw`\banswered [1-5]\d\d\b`,
    ],
    remedy: 'write the whole sentence: "the acceptor answers with 503"',
  },
  {
    rule: 'idiom',
    find: [
      String.raw`\bknows? better\b`,
      String.raw`\bput(?:s|ting)? up with\b`,
      String.raw`\bstands? for itself\b`,
      String.raw`\b(?:is|are) worth (?:a|an|the)\b`,
      String.raw`\b(?:makes?|make) room for another\b`,
      String.raw`\bfor good\b`,
      String.raw`\bfor ever\b`,
      String.raw`\b(?:at|to) hand\b`,
      String.raw`\ball the same\b`,
      String.raw`\bbreaks? off\b`,
      String.raw`\bin vain\b`,
      String.raw`\banew\b`,
      String.raw`\bno business\b`,
      String.raw`\bhas a business\b`,
      String.raw`\babove all\b`,
      String.raw`\bof old\b`,
    ],
    remedy: 'use plain words: forever, again, aborts, also, mainly, available',
  },
  {
    rule: 'order',
    find: [
      String.raw`^Of (?:a|an|those|them|what|whom|which)\b`,
      String.raw`\bof which (?:it|they|he|we|the)\b`,
      String.raw`\bthan (?:does|do|has|have|is|are) (?:a|an|the|its)\b`,
    ],
    remedy: 'use the normal order: subject, verb, object, then the condition',
  },
  {
    rule: 'term',
    find: [
      String.raw`\bcircular buffers?\b`,
      String.raw`\b(?:master|boss|slave) (?:thread|process|worker)\b`,
      String.raw`\bharakiri\b`,
      String.raw`\b(?:soft|clean) stop\b`,
      String.raw`\blame duck\b`,
    ],
    remedy: 'use the term of the glossary: ring, acceptor, worker, graceful shutdown, draining',
  },
].map(({ find, ...rest }) => ({ ...rest, pattern: new RegExp(find.join('|'), 'giu') }));

const PRONOUN = /^(?:It|Its|They|Their|Them|He|She)\b(?! is (?:an error|not possible|possible)\b)/;
const TITLE_START =
  /^(?:and|but|or|nor|so|then|also|again|otherwise|likewise|elsewhere|meanwhile|afterwards|never|always|not|it|its|they|their|them|this|that|these|those|he|she)\b/i;
const HELP_START =
  /^(?:how|whether|where|when|what|why|who|do not|if|not|of|may|is|are|the|a|an|it|they|for)\b/i;
const GERUND = /^(?!need|embed|feed|speed|shed|seed|bring|ring|string|ping|exceed|proceed)\w+(?:ed|ing)$/;

function findPhrases({ text, start }, found) {
  for (const { rule, pattern, remedy } of PHRASES)
    for (const match of text.matchAll(pattern))
      found.push({ offset: start + match.index, rule, message: `"${match[0].trim()}": ${remedy}` });
}

function findLength({ text, start }, found) {
  const words = wordCount(text);
  if (words <= LONGEST_SENTENCE) return;
  const message = `${words} words, at most ${LONGEST_SENTENCE}: one sentence, one fact`;
  found.push({ offset: start, rule: 'length', message });
}

const OPENINGS = {
  comment: [PRONOUN, 'pronoun', 'a comment has no earlier noun: name the subject'],
  title: [TITLE_START, 'title', 'begin with the subject: "a half-closed client still receives its response"'],
  help: [HELP_START, 'help', 'begin with a noun or an imperative: "Serve without a supervisor process."'],
};

/**
 * Everything that is wrong in one block of prose: a paragraph, a list item, a table cell, a title.
 *
 * @param {string} block
 * @param {'comment' | 'markdown' | 'string' | 'title' | 'help'} kind
 * @returns {{ offset: number, rule: string, message: string }[]} in the order of their offsets
 */
export function findingsIn(block, kind) {
  const found = [];
  for (const sentence of sentencesOf(block)) {
    findLength(sentence, found);
    findPhrases(sentence, found);
  }
  const [pattern, rule, message] = OPENINGS[kind] ?? [];
  const text = block.trimStart();
  if (pattern?.test(text)) found.push({ offset: block.length - text.length, rule, message });
  return found.sort((a, b) => a.offset - b.offset);
}

/** What is wrong with the subject of a commit. */
export function findingsInSubject(subject) {
  const found = findingsIn(subject, 'string');
  const add = (offset, message) => found.push({ offset, rule: 'subject', message });
  if (subject.length > LONGEST_SUBJECT)
    add(LONGEST_SUBJECT, `${subject.length} characters, at most ${LONGEST_SUBJECT}`);
  const [, component = '', first = ''] = /^([\w./, -]+: )?([\w-]*)/.exec(subject);
  if (component === '') add(0, 'begin with the component: "acceptor: wake the worker"');
  else if (GERUND.test(first)) add(component.length, `"${first}": use the imperative`);
  if (subject.endsWith('.')) add(subject.length - 1, 'a subject has no full stop');
  return found;
}
