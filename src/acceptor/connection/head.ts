/**
 * A parsed head between the parser and the slab: live in the parser's memory, or copied while its body comes.
 *
 * Law: knows the parser's getters and the ring's `HeadBytes`; decides nothing.
 */
import type { Parser } from '../../http/parser.ts';
import type { HeadBytes } from '../../ring/message.ts';

/** One head at a time is live; this object is filled again for each, so that a request allocates none. */
const live: HeadBytes = {
  flags: 0,
  bytes: new Uint8Array(0),
  words: new Int32Array(0),
  start: 0,
  length: 0,
  spans: 0,
  headerCount: 0,
  methodLength: 0,
  targetOffset: 0,
  targetLength: 0,
};

/** The head that the parser has just completed; good until it is fed again. */
export function liveHead(parser: Parser): HeadBytes {
  live.flags = parser.flags;
  live.bytes = parser.memory;
  live.start = parser.headStart;
  live.length = parser.headLength;
  live.words = parser.words;
  live.spans = parser.spansStart;
  live.headerCount = parser.headerCount;
  live.methodLength = parser.methodLength;
  live.targetOffset = parser.targetOffset;
  live.targetLength = parser.targetLength;
  return live;
}

/** A copy that stays good. */
export function copyHead(head: HeadBytes): HeadBytes {
  const spanWords = head.headerCount * 4;
  const start = spanWords * 4;
  const memory = new ArrayBuffer(start + ((head.length + 3) & ~3));
  const words = new Int32Array(memory);
  const bytes = new Uint8Array(memory);
  words.set(head.words.subarray(head.spans, head.spans + spanWords));
  bytes.set(head.bytes.subarray(head.start, head.start + head.length), start);
  return { ...head, bytes, words, start, spans: 0 };
}
