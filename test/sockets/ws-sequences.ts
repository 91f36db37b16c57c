/**
 * The messages of WebSocket clients, valid and invalid: a table of sequences for `fixtures/ws-echo.mjs`.
 *
 * Law: data. A sequence is the list of bytes to send, in order. A number waits until the server has sent that many
 * frames in all. A rejected handshake counts as none. At the end the client waits until the server ends the connection.
 */
import { binary, close, deflated, type Fields, frame, handshake, Op, ping, RSV1, text } from './ws-frames.ts';

/** `answered`: until the first byte arrived. `fin`: the client half-closes. `reset`: the client resets. */
export type Step = Buffer | number | 'answered' | 'fin' | 'reset';

export interface Sequence {
  readonly name: string;
  /** The target. The client appends an id. */
  readonly site: string;
  readonly fields?: Fields;
  /** The request line, if it differs from the line of a handshake. */
  readonly line?: (target: string) => string;
  /** Bytes before the handshake. */
  readonly before?: Buffer;
  /** Bytes after the handshake. */
  readonly steps: readonly Step[];
}

const BYE = close(1000, 'bye');
const PATTERN = Buffer.from(Array.from({ length: 1_000_000 }, (_, i) => (i * 7919) >> 5));

function bytes(length: number): Buffer {
  return PATTERN.subarray(0, length);
}

function echo(name: string, ...steps: Step[]): Sequence {
  return { name, site: '/echo', steps };
}

/** Sequences that the server ends as soon as it receives an answer to its close frame. */
function broken(name: string, ...sent: Buffer[]): Sequence {
  return echo(name, text('before'), ...sent, text('behind'), 2, 'fin');
}

const MESSAGES: Sequence[] = [
  echo('a text', text('hello'), BYE),
  echo('nothing but a close', BYE),
  echo('an empty text and empty bytes', text(''), binary(Buffer.alloc(0)), BYE),
  ...[125, 126, 65535, 65536, 200_000, 1_000_000].map((length) =>
    echo(`${length} bytes`, binary(bytes(length)), BYE),
  ),
  echo('text of four languages', text('Grüße, привет, 你好, 🙂'), BYE),
  echo('many small ones', ...Array.from({ length: 300 }, (_, i) => text(`message ${i}`)), BYE),
  echo('some large ones', ...Array.from({ length: 8 }, (_, i) => binary(bytes(100_000 + i))), BYE),
  echo('a message after its answer', text('one'), 1, text('two'), 2, text('three'), 3, BYE),
  echo('a ping of every kind', ping(), ping('why'), ping('x'.repeat(125)), BYE),
  echo('a pong that nobody asked for', frame({ opcode: Op.PONG, payload: 'here' }), text('still here'), BYE),
  echo('a ping by the server', text('!ping hello'), 1, frame({ opcode: Op.PONG, payload: 'hello' }), BYE),
  echo('the server sends in pieces', text('!pieces a bc def'), 4, BYE),
  { name: 'the server speaks first', site: '/welcome', steps: [1, text('thanks'), BYE] },
  echo('a pause by the server', text('!pause 20'), binary(bytes(300_000)), 1, BYE),
];

const FRAGMENTS: Sequence[] = [
  echo(
    'three fragments',
    text('one ', { fin: false }),
    text('two ', { fin: false, opcode: Op.CONTINUATION }),
    text('three', { opcode: Op.CONTINUATION }),
    BYE,
  ),
  echo(
    'pings between fragments',
    text('one ', { fin: false }),
    ping('1'),
    text('two', { fin: false, opcode: Op.CONTINUATION }),
    ping('2'),
    frame({ opcode: Op.PONG }),
    text('', { opcode: Op.CONTINUATION }),
    BYE,
  ),
  echo(
    'empty fragments',
    text('', { fin: false }),
    text('', { fin: false, opcode: Op.CONTINUATION }),
    text('', { opcode: Op.CONTINUATION }),
    BYE,
  ),
  echo(
    'a character in two fragments',
    frame({ fin: false, payload: Buffer.from('ü').subarray(0, 1) }),
    frame({ opcode: Op.CONTINUATION, payload: Buffer.from('ü').subarray(1) }),
    BYE,
  ),
  echo('a close between fragments', text('one', { fin: false }), BYE),
];

const CLOSES: Sequence[] = [
  ...[1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 1012, 1013, 1014, 3000, 4999].map((code) =>
    echo(`close ${code}`, text('hello'), close(code, `because ${code}`)),
  ),
  ...[0, 999, 1004, 1005, 1006, 1015, 2999, 5000, 65535].map((code) => broken(`close ${code}`, close(code))),
  echo('a close without a code', text('hello'), close()),
  echo('a close with the longest reason', close(1000, 'r'.repeat(123))),
  echo('messages behind a close', BYE, text('late'), ping('late')),
  broken('a close of one byte', frame({ opcode: Op.CLOSE, payload: 'x' })),
  broken('a close whose reason is no UTF-8', close(1000, Buffer.from([0xff]))),
  echo('the server closes', text('!close 4001 because'), 1, close(4001, 'because')),
  echo('the server closes without a code', text('!close'), 1, close()),
  echo('the server closes, and the client speaks on', text('!close 4001'), 1, text('wait'), close(4002)),
  echo('the server closes, and the client just ends', text('!close 4001'), 1, 'fin'),
  echo('the server terminates', text('hello'), 1, text('!terminate')),
  echo('the client just ends', text('hello'), 1, 'fin'),
  echo('the client ends at once', 'fin'),
  echo('the client ends in a frame', text('hello'), 1, text('cut').subarray(0, 5), 'fin'),
  echo('the client ends between fragments', text('hello'), 1, text('one', { fin: false }), 'fin'),
  echo('the client is gone', text('hello'), 1, 'reset'),
  echo('the client is gone in a frame', text('hello'), 1, binary(bytes(1000)).subarray(0, 500), 'reset'),
];

const BAD: Sequence[] = [
  broken('a frame that is not masked', text('bare', { masked: false })),
  ...[0x40, 0x20, 0x10].map((reserved) =>
    broken(`the reserved bit ${reserved.toString(16)}`, text('odd', { reserved })),
  ),
  ...[3, 7, 11, 15].map((opcode) => broken(`the opcode ${opcode}`, frame({ opcode }))),
  broken('a ping in fragments', frame({ opcode: Op.PING, fin: false })),
  broken('a ping of 126 bytes', ping('x'.repeat(126))),
  broken('a continuation of nothing', text('more', { opcode: Op.CONTINUATION })),
  broken('a message within another', text('one', { fin: false }), text('two')),
  broken('text that is no UTF-8', frame({ payload: Buffer.from([0x61, 0xc3, 0x28]) })),
  broken(
    'text that is no UTF-8 over two fragments',
    frame({ fin: false, payload: Buffer.from([0xc3]) }),
    frame({ opcode: Op.CONTINUATION, payload: Buffer.from([0x28]) }),
  ),
  broken('a length beyond all', Buffer.from([0x82, 0xff, 0x7f, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0])),
  { name: 'more than maxPayload', site: '/small', steps: [binary(bytes(1001)), 1, 'fin'] },
  { name: 'as much as maxPayload', site: '/small', steps: [binary(bytes(1000)), BYE] },
  {
    name: 'more than maxPayload in fragments',
    site: '/small',
    steps: [
      frame({ opcode: Op.BINARY, fin: false, payload: bytes(600) }),
      frame({ opcode: Op.CONTINUATION, payload: bytes(600) }),
      1,
      'fin',
    ],
  },
];

const OFFER = 'Sec-WebSocket-Extensions';

function offering(name: string, offer: string | readonly string[], ...steps: Step[]): Sequence {
  return { name: `offer ${name}`, site: '/deflate', fields: { [OFFER]: offer }, steps };
}

function packed(payload: Uint8Array | string, opcode: number = Op.TEXT): Buffer {
  return frame({ opcode, reserved: RSV1, payload: deflated(payload) });
}

const LONG = 'again and again '.repeat(400);
const halves = [deflated(LONG).subarray(0, 20), deflated(LONG).subarray(20)] as const;

const DEFLATE: Sequence[] = [
  offering('permessage-deflate', 'permessage-deflate', packed('short'), packed(LONG), text('plain'), BYE),
  offering('a megabyte', 'permessage-deflate', packed(bytes(1_000_000), Op.BINARY), BYE),
  offering(
    'many',
    'permessage-deflate',
    ...Array.from({ length: 40 }, (_, i) => packed(`${i} ${LONG}`)),
    BYE,
  ),
  offering(
    'fragments and a ping',
    'permessage-deflate',
    frame({ fin: false, reserved: RSV1, payload: halves[0] }),
    ping('in between'),
    frame({ opcode: Op.CONTINUATION, payload: halves[1] }),
    BYE,
  ),
  offering('an empty message', 'permessage-deflate', packed(''), BYE),
  offering('the window of the client', 'permessage-deflate; client_max_window_bits', packed(LONG), BYE),
  offering('a window of 10', 'permessage-deflate; server_max_window_bits=10', packed(LONG), BYE),
  offering(
    'no takeover',
    'permessage-deflate; server_no_context_takeover; client_no_context_takeover',
    packed(LONG),
    packed(LONG),
    BYE,
  ),
  offering('a window that is none', 'permessage-deflate; server_max_window_bits=99'),
  offering('the same twice', ['permessage-deflate; server_max_window_bits=9', 'permessage-deflate'], BYE),
  offering('something unknown first', 'x-unknown; a=1, permessage-deflate', packed(LONG), BYE),
  offering('something unknown alone', 'x-unknown', text('plain'), BYE),
  offering('a parameter that is none', 'permessage-deflate; what=1'),
  offering('what cannot be parsed', 'permessage-deflate; ='),
  offering(
    'bytes that are not compressed',
    'permessage-deflate',
    frame({ reserved: RSV1, payload: Buffer.from([0x07, 0xff, 0xff]) }),
    1,
    'fin',
  ),
  offering('a compressed ping', 'permessage-deflate', frame({ opcode: Op.PING, reserved: RSV1 }), 1, 'fin'),
  {
    name: 'a thrifty server',
    site: '/thrifty',
    fields: { [OFFER]: 'permessage-deflate; client_max_window_bits' },
    steps: [packed('short'), packed(LONG), BYE],
  },
  {
    name: 'a small message that is large inside',
    site: '/small',
    fields: { [OFFER]: 'permessage-deflate' },
    steps: [packed(Buffer.alloc(100_000), Op.BINARY), 1, 'fin'],
  },
];

/** A sequence that the server answers and ends, or does not accept. */
function asked(name: string, fields: Fields, site = '/echo'): Sequence {
  return { name, site, fields, steps: [] };
}

const HANDSHAKES: Sequence[] = [
  asked('no key', { 'Sec-WebSocket-Key': undefined }),
  asked('a short key', { 'Sec-WebSocket-Key': 'c2hvcnQ=' }),
  asked('no version', { 'Sec-WebSocket-Version': undefined }),
  asked('version 12', { 'Sec-WebSocket-Version': '12' }),
  { ...asked('version 8', { 'Sec-WebSocket-Version': '8' }), steps: [text('old'), BYE] },
  asked('an upgrade to something else', { Upgrade: 'foo' }),
  asked('an upgrade to one of two', { Upgrade: 'websocket, foo' }),
  { ...asked('an upgrade in capitals', { Upgrade: 'WebSocket' }), steps: [text('ok'), BYE] },
  { ...asked('keep-alive as well', { Connection: 'keep-alive, Upgrade' }), steps: [text('ok'), BYE] },
  { ...asked('POST', {}), line: (target) => `POST ${target} HTTP/1.1` },
  { ...asked('HTTP/1.0', {}), line: (target) => `GET ${target} HTTP/1.0`, steps: [text('ok'), BYE] },
  asked('an unknown path', {}, '/nowhere'),
  asked('refused', {}, '/refused'),
  asked('refused later', {}, '/asked'),
  { ...asked('protocols', { 'Sec-WebSocket-Protocol': 'first, second' }, '/protocols'), steps: [BYE] },
  { ...asked('protocols not spoken', { 'Sec-WebSocket-Protocol': 'third' }, '/protocols'), steps: [BYE] },
  { ...asked('the first protocol', { 'Sec-WebSocket-Protocol': 'first, second' }), steps: [BYE] },
  asked('protocols that cannot be parsed', { 'Sec-WebSocket-Protocol': 'a,,b' }),
  { ...asked('no upgrade', { Connection: 'keep-alive' }), steps: ['answered', 'fin'] },
  {
    ...asked('behind an ordinary request', {}),
    before: Buffer.from('GET /first HTTP/1.1\r\nHost: localhost\r\n\r\n'),
    steps: [text('second'), BYE],
  },
];

export const SEQUENCES: readonly Sequence[] = [
  ...MESSAGES,
  ...FRAGMENTS,
  ...CLOSES,
  ...BAD,
  ...DEFLATE,
  ...HANDSHAKES,
];

/** The bytes of a sequence, with the id under which its server keeps notes. */
export function stepsOf({ site, fields, line, before, steps }: Sequence, id: string): Step[] {
  const target = `${site}?id=${id}`;
  const head = handshake(target, fields, line?.(target));
  return [before === undefined ? head : Buffer.concat([before, head]), ...steps];
}
