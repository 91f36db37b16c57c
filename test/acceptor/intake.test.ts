/**
 * The events of an intake: bytes in, events out, without a socket.
 */
import { describe, expect, test } from 'vitest';
import { Intake, IntakeEvent } from '../../src/acceptor/connection/intake.ts';
import { Parser } from '../../src/http/parser.ts';

type EventName = keyof typeof IntakeEvent;

const parser = new Parser({ maxRequestLine: 8192, maxHeaderSize: 16384, maxHeaders: 100 });
const NAMES = Object.keys(IntakeEvent) as EventName[];
const LAST = new Set<EventName>(['MORE', 'WHOLE', 'END', 'TOO_LONG', 'ERROR']);

interface Seen {
  readonly events: (EventName | string)[];
  /** Bytes behind the message. */
  readonly left: string;
}

function intake(limits: { maxBodySize?: number; maxHeaders?: number } = {}): Intake {
  return new Intake(parser, { maxBodySize: 1000, maxHeaders: 100, ...limits });
}

/** Feeds one read. DATA and WHOLE with a body come with their bytes. */
function read(by: Intake, text: string): Seen {
  const events: string[] = [];
  parser.buffer.set(Buffer.from(text, 'latin1'));
  by.receive(text.length);
  for (;;) {
    const event = NAMES[by.next()]!;
    const hasBody = event === 'DATA' || (event === 'WHOLE' && by.body !== null);
    events.push(hasBody ? `${event} ${Buffer.from(by.body!).toString('latin1')}` : event);
    if (LAST.has(event)) return { events, left: text.slice(by.offset, by.offset + by.left) };
  }
}

function line(by: Intake): string {
  const { bytes, start, targetOffset, targetLength } = by.head;
  return Buffer.from(bytes.subarray(start, start + targetOffset + targetLength)).toString('latin1');
}

const GET = 'GET /a HTTP/1.1\r\nHost: a\r\n\r\n';
const post = (length: number, body = '') =>
  `POST /b HTTP/1.1\r\nHost: a\r\nContent-Length: ${length}\r\n\r\n${body}`;
const CHUNKED = 'POST /c HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n';

describe('one read', () => {
  test('a request without a body is WHOLE', () => {
    const by = intake();
    expect(read(by, GET)).toEqual({ events: ['WHOLE'], left: '' });
    expect([line(by), by.goesOn, by.isHead, by.isFresh]).toEqual(['GET /a', true, false, true]);
  });

  test('a short body is WHOLE with its head, and so are chunks', () => {
    expect(read(intake(), post(3, 'xyz')).events).toEqual(['WHOLE xyz']);
    expect(read(intake(), `${CHUNKED}1\r\nx\r\n2\r\nyz\r\n0\r\n\r\n`).events).toEqual(['WHOLE xyz']);
  });

  test('pipelined bytes are left for the next message', () => {
    const by = intake();
    expect(read(by, post(3, 'xyz') + GET)).toEqual({ events: ['WHOLE xyz'], left: GET });
    expect(read(by, GET).events).toEqual(['WHOLE']);
  });
});

describe('several reads', () => {
  test('half a head is MORE, and its flags are not known', () => {
    const by = intake();
    expect(read(by, 'HEAD /a HT').events).toEqual(['MORE']);
    expect([by.isFresh, by.isHead]).toEqual([false, false]);
    expect(read(by, 'TP/1.1\r\nHost: a\r\n\r\n').events).toEqual(['WHOLE']);
    expect([by.isFresh, by.isHead, line(by)]).toEqual([true, true, 'HEAD /a']);
  });

  test('a body with a length is HEAD, DATA, END', () => {
    const by = intake();
    expect(read(by, post(6, 'ab')).events).toEqual(['HEAD', 'DATA ab', 'MORE']);
    expect([by.contentLength, by.received, by.missing]).toEqual([6, 2, 4]);
    expect(read(by, 'cd').events).toEqual(['DATA cd', 'MORE']);
    expect(read(by, `ef${GET}`)).toEqual({ events: ['DATA ef', 'END'], left: GET });
    expect([by.received, by.missing, by.isFresh]).toEqual([6, 0, true]);
  });

  test('a chunked body reports what is not framing, and that its length is unknown', () => {
    const by = intake();
    expect(read(by, `${CHUNKED}3\r\nab`).events).toEqual(['HEAD', 'DATA ab', 'MORE']);
    expect([by.contentLength, by.missing]).toEqual([-1, -3]);
    expect(read(by, 'c\r').events).toEqual(['DATA c', 'MORE']);
    expect(read(by, '\n').events).toEqual(['MORE']);
    expect(read(by, '0\r\n\r\n').events).toEqual(['END']);
    expect(by.received).toBe(3);
  });

  test('a head whose body has not begun is HEAD, MORE', () => {
    const by = intake();
    const head = post(2).replace('\r\n\r\n', '\r\nExpect: 100-continue\r\n\r\n');
    expect(read(by, head).events).toEqual(['HEAD', 'MORE']);
    expect([by.expectsContinue, by.received]).toEqual([true, 0]);
  });

  test('more chunks than one feed reports come as several DATA of one read', () => {
    const by = intake({ maxBodySize: 100_000 });
    const chunks = Array<string>(4000).fill('1\r\nx\r\n').join('');
    const { events } = read(by, CHUNKED + chunks);
    const data = events.filter((event) => event.startsWith('DATA '));
    expect([events[0], events.at(-1)]).toEqual(['HEAD', 'MORE']);
    expect(data.length).toBeGreaterThan(1);
    expect(data.map((event) => event.slice(5)).join('')).toBe('x'.repeat(4000));
  });
});

describe('refusals', () => {
  test('bytes that are no HTTP are ERROR, with a status and a reason', () => {
    const by = intake();
    expect(read(by, 'GET\r\n\r\n').events).toEqual(['ERROR']);
    expect([by.status, by.detail]).toEqual([400, expect.stringMatching(/\w/)]);
  });

  test('a malformed chunk is ERROR behind the data before it', () => {
    const by = intake();
    expect(read(by, `${CHUNKED}1\r\nx\r\n`).events).toEqual(['HEAD', 'DATA x', 'MORE']);
    expect(read(by, 'zz\r\n').events).toEqual(['ERROR']);
  });

  test('more fields than maxHeaders are ERROR with 431', () => {
    const by = intake({ maxHeaders: 1 });
    expect(read(by, 'GET / HTTP/1.1\r\nHost: a\r\nB: c\r\n\r\n').events).toEqual(['ERROR']);
    expect(by.status).toBe(431);
  });

  test('a Content-Length above maxBodySize is TOO_LONG at the head', () => {
    expect(read(intake({ maxBodySize: 3 }), post(4)).events).toEqual(['TOO_LONG']);
    expect(read(intake({ maxBodySize: 4 }), post(4, 'abcd')).events).toEqual(['WHOLE abcd']);
  });

  test('chunks above maxBodySize are TOO_LONG, in one read or in several', () => {
    expect(read(intake({ maxBodySize: 3 }), `${CHUNKED}4\r\nabcd\r\n0\r\n\r\n`).events).toEqual(['TOO_LONG']);
    const by = intake({ maxBodySize: 3 });
    expect(read(by, `${CHUNKED}2\r\nab\r\n`).events).toEqual(['HEAD', 'DATA ab', 'MORE']);
    expect(read(by, '2\r\ncd\r\n').events).toEqual(['TOO_LONG']);
  });
});

test('two intakes share one parser, read by read', () => {
  const [one, other] = [intake(), intake()];
  expect(read(one, post(4, 'ab')).events).toEqual(['HEAD', 'DATA ab', 'MORE']);
  expect(read(other, 'GET /o').events).toEqual(['MORE']);
  expect(read(one, 'cd').events).toEqual(['DATA cd', 'END']);
  expect(read(other, 'ther HTTP/1.1\r\nHost: a\r\n\r\n').events).toEqual(['WHOLE']);
  expect(line(other)).toBe('GET /other');
});

test('a closed intake forgets the message that it had', () => {
  const by = intake();
  expect(read(by, 'GET /a').events).toEqual(['MORE']);
  by.close();
  expect(read(by, GET).events).toEqual(['WHOLE']);
});
