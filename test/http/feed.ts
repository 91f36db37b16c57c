/**
 * Feeds pieces of bytes to a parser like a connection does, and returns the results.
 */
import { Outcome, type Parser, type SavedMessage } from '../../src/http/parser.ts';

export interface Head {
  readonly line: string;
  readonly fields: string[];
  readonly flags: number;
  readonly contentLength: number;
}

export type Result =
  | { readonly head: Head; readonly body: string; readonly left: number }
  | { readonly error: number; readonly reason: string }
  | 'more';

/** Feeds the pieces like a connection does. */
export function feed(pieces: Buffer[], by: Parser): Result {
  let saved: SavedMessage | null = null;
  let head: Head | undefined;
  let body = '';
  let later = pieces.reduce((sum, piece) => sum + piece.length, 0);
  for (const piece of pieces) {
    later -= piece.length;
    if (saved === null) by.start();
    else by.restore(saved);
    by.buffer.set(piece);
    let offset = 0;
    for (;;) {
      const outcome = by.feed(offset, piece.length - offset);
      if (outcome === Outcome.ERROR) return { error: by.error, reason: by.reason };
      if (by.headFresh) head = readHead(by);
      for (let i = 0; i < by.bodySpanCount; i++)
        body += latin1(by, by.bodySpanStart(i), by.bodySpanLength(i));
      offset += by.consumed;
      if (outcome === Outcome.MESSAGE) return { head: head!, body, left: later + piece.length - offset };
      if (outcome === Outcome.MORE) break;
    }
    saved = by.save();
  }
  return 'more';
}

function latin1(by: Parser, start: number, length: number): string {
  return Buffer.from(by.memory.buffer, start, length).toString('latin1');
}

function readHead(by: Parser): Head {
  const text = latin1(by, by.headStart, by.headLength);
  const word = (i: number) => by.words[by.spansStart + i]!;
  const span = (i: number) => text.slice(word(i), word(i) + word(i + 1));
  return {
    line: `${text.slice(0, by.methodLength)} ${text.slice(by.targetOffset, by.targetOffset + by.targetLength)}`,
    fields: Array.from({ length: by.headerCount }, (_, i) => `${span(i * 4)}=${span(i * 4 + 2)}`),
    flags: by.flags,
    contentLength: by.contentLength,
  };
}

export function cut(bytes: Buffer, size: number): Buffer[] {
  const pieces = Math.ceil(bytes.length / size);
  return Array.from({ length: pieces }, (_, i) => bytes.subarray(i * size, i * size + size));
}
