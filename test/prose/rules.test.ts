/**
 * The rules for English: examples of faults, and of sentences that look like faults and are none.
 */
import { describe, expect, test } from 'vitest';
import { blocksOf, sourceOffset } from '../../scripts/prose/comment-blocks.js';
import { findingsInMarkdown } from '../../scripts/prose/markdown.js';
import { findingsIn, findingsInSubject } from '../../scripts/prose/rules.js';
import { sentencesOf, wordCount } from '../../scripts/prose/sentences.js';

type Kind = 'comment' | 'markdown' | 'string' | 'title' | 'help';

function rulesOf(text: string, kind: Kind = 'markdown'): string[] {
  return [...new Set(findingsIn(text, kind).map(({ rule }) => rule))].sort();
}

describe('a fault is found', () => {
  test.each<[string, string, Kind?]>([
    ['order', 'Of a thread that fails before it has its task piscina reports an error.'],
    ['verb', 'whose it was it does not say, and the thread tells of it.'],
    ['actor', 'Because of what is not in it, nobody knows what the process died of.'],
    ['noun', 'Of the requests, those that were admitted first are answered.'],
    ['actor', 'A thread who would block the last worker waits.'],
    ['noun', 'The clock, and its epoch; the latter for each turn.'],
    ['noun', 'The lowest index: that of a worker whose place is taken.'],
    ['idiom', 'The index of a worker, above all.'],
    ['verb', 'The acceptor lets it serve without.'],
    ['noun', 'threads share that of the process', 'string'],
    ['actor', 'Listens at once; whoever connects is kept until then.'],
    ['idiom', 'The acceptor breaks off responses of workers that have exited.'],
    ['verb', 'The task is given to a worker.'],
    ['verb', 'The worker wants a body.'],
    ['condition', 'The socket stays open unless told otherwise.'],
    ['condition', 'Every worker reads it, save the last.'],
    ['default', 'Time limit; 0 is never', 'help'],
    ['default', 'Bytes (0: none)'],
    ['ellipsis', 'Requests that wait; above it 503', 'help'],
    ['term', 'The ring is a circular buffer.'],
    ['help', 'How long a client may send nothing.', 'help'],
    ['help', 'Do not', 'help'],
    ['title', 'and the next request is served', 'title'],
    ['title', 'never twice', 'title'],
    ['pronoun', 'It stays valid until the next feed.', 'comment'],
    ['length', `${'word '.repeat(25)}end.`],
  ])('%s: %s', (rule, text, kind) => {
    expect(rulesOf(text, kind)).toContain(rule);
  });
});

describe('a good sentence passes', () => {
  test.each<[string, Kind?]>([
    ['If a thread dies before it picks up its task, piscina emits `error` and leaves the task queued.'],
    ['Uploads admitted before the application first blocked can exceed this limit.'],
    ['If one of them would block the last free worker, the acceptor answers it with 503.'],
    ['The lowest index that no remaining worker uses.', 'comment'],
    ['Grace period after a client half-closes.', 'help'],
    ['Serve without a supervisor process.', 'help'],
    ['Time limit. Default: 30s. 0 disables the limit.', 'help'],
    ['a half-closed client still receives its response', 'title'],
    ['no two files export the same name', 'title'],
    ['Users who restart the server, and operators who want a log, read this page.'],
    ['RFC 9112 says that a server must answer.'],
    ['The standard also says so.'],
    ['The worker sends `HTTP/1.1 100 Continue` before it reads the body.'],
    ['The client sends “who wants to hear that of the latter”.'],
    ['The parser saves the head to save memory, e.g. for a request with many headers.'],
    ['Timers longer than 500 ms, then 200 ms, then 100 bytes.'],
    ['Note that, of course, the acceptor waits.'],
    ['The index of one of the server’s workers.'],
    [`${'word '.repeat(24)}\`a code span is one word\`.`],
  ])('%s', (text, kind) => {
    expect(rulesOf(text, kind)).toEqual([]);
  });
});

test('abbreviations, versions and code spans do not end a sentence', () => {
  const text = 'A field, e.g. Host, see RFC 9112 §6.1, of Node.js 20.19. `a. B` follows. 0 disables it.';
  expect(sentencesOf(text).map(({ start }) => start)).toEqual([0, 57, 73]);
});

test('a code span, a quotation and an inserted value are one word each', () => {
  const [sentence] = sentencesOf('Set `a b c` to “x y z” or ${value + other} now.');
  expect(wordCount(sentence!.text)).toBe(7);
});

test('a comment becomes paragraphs, items and tags, without drawings and samples', () => {
  const comment = [
    '*',
    ' * First line',
    ' * second line.',
    ' *',
    ' *   word 0   a drawing',
    ' *',
    ' * - item one',
    ' *   goes on',
    ' * @param name what it is',
    ' * @example',
    ' * code(here)',
    ' ',
  ].join('\n');
  const blocks = blocksOf(comment);
  expect(blocks.map(({ text }) => text)).toEqual([
    'First line\nsecond line.',
    'item one\ngoes on',
    'what it is',
  ]);
  expect(comment.slice(sourceOffset(blocks[0]!, 11)).split('\n')[0]).toBe('second line.');
});

test('findings in Markdown have the line of the source; code blocks are skipped', () => {
  const bad = 'whoever connects';
  const text = `# Title\n\nA line,\n${bad} now.\n\n\`\`\`\n${bad}\n\`\`\`\n\n- item\n- ${bad}\n\n| a | b |\n| --- | --- |\n| x | ${bad} |\n`;
  expect(findingsInMarkdown(text).map(({ line, column }) => [line, column])).toEqual([
    [4, 1],
    [11, 3],
    [15, 7],
  ]);
});

test.each([
  ['acceptor: wake the worker before writing responses', []],
  ['wake the worker', ['subject']],
  ['acceptor: waking the worker', ['subject']],
  ['acceptor: wake the worker.', ['subject']],
  [`acceptor: ${'x'.repeat(70)}`, ['subject']],
])('the subject of a commit is checked: %s', (subject, rules) => {
  expect(findingsInSubject(subject).map(({ rule }) => rule)).toEqual(rules);
});
