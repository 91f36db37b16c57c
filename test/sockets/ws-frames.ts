/**
 * The bytes of a WebSocket client, valid and invalid (RFC 6455 §5.2, RFC 7692 §7.2.1).
 *
 * Law: makes bytes; sends none.
 */
import { constants, deflateRawSync } from 'node:zlib';

export const Op = { CONTINUATION: 0, TEXT: 1, BINARY: 2, CLOSE: 8, PING: 9, PONG: 10 } as const;

export interface FrameOptions {
  readonly fin?: boolean;
  /** The three reserved bits in the first byte. */
  readonly reserved?: number;
  readonly opcode?: number;
  readonly masked?: boolean;
  readonly payload?: Uint8Array | string;
}

/** The bit that marks a compressed message. */
export const RSV1 = 0x40;

const MASK = Buffer.from([0x37, 0xfa, 0x21, 0x3d]);

export function frame(options: FrameOptions = {}): Buffer {
  const { fin = true, reserved = 0, opcode = Op.TEXT, masked = true } = options;
  const payload = Buffer.from(options.payload ?? '');
  const first = (fin ? 0x80 : 0) | reserved | opcode;
  const head = Buffer.concat([Buffer.from([first]), lengthOf(payload.length, masked ? 0x80 : 0)]);
  if (!masked) return Buffer.concat([head, payload]);
  for (let i = 0; i < payload.length; i++) payload[i]! ^= MASK[i & 3]!;
  return Buffer.concat([head, MASK, payload]);
}

function lengthOf(bytes: number, mask: number): Buffer {
  if (bytes < 126) return Buffer.from([mask | bytes]);
  const field = Buffer.alloc(bytes < 65536 ? 3 : 9);
  field[0] = mask | (bytes < 65536 ? 126 : 127);
  if (bytes < 65536) field.writeUInt16BE(bytes, 1);
  else field.writeBigUInt64BE(BigInt(bytes), 1);
  return field;
}

export function text(payload: string, options: FrameOptions = {}): Buffer {
  return frame({ ...options, payload });
}

export function binary(payload: Uint8Array): Buffer {
  return frame({ opcode: Op.BINARY, payload });
}

export function ping(payload = ''): Buffer {
  return frame({ opcode: Op.PING, payload });
}

/** A close frame. Without a code its payload is empty. */
export function close(code?: number, reason: Uint8Array | string = ''): Buffer {
  if (code === undefined) return frame({ opcode: Op.CLOSE });
  const field = Buffer.alloc(2);
  field.writeUInt16BE(code);
  return frame({ opcode: Op.CLOSE, payload: Buffer.concat([field, Buffer.from(reason)]) });
}

/** A payload compressed separately, as permessage-deflate requires: without the empty block at its end. */
export function deflated(payload: Uint8Array | string, windowBits = 15): Buffer {
  const bytes = deflateRawSync(payload, { finishFlush: constants.Z_SYNC_FLUSH, windowBits });
  return bytes.subarray(0, -4);
}

/** Fields of a handshake. `undefined` omits one, and an array sends one several times. */
export type Fields = Record<string, string | readonly string[] | undefined>;

const FIELDS: Fields = {
  Host: 'localhost',
  Upgrade: 'websocket',
  Connection: 'Upgrade',
  'Sec-WebSocket-Key': 'dGhlIHNhbXBsZSBub25jZQ==',
  'Sec-WebSocket-Version': '13',
};

export function handshake(target: string, fields: Fields = {}, line = `GET ${target} HTTP/1.1`): Buffer {
  const lines = Object.entries({ ...FIELDS, ...fields }).flatMap(([name, value]) =>
    value === undefined ? [] : [value].flat().map((one) => `${name}: ${one}`),
  );
  return Buffer.from(`${[line, ...lines].join('\r\n')}\r\n\r\n`, 'latin1');
}

/** The complete frames of a server in `bytes`, from `start` on. */
export function countFrames(bytes: Buffer, start: number): number {
  let count = 0;
  for (let at = start; at + 2 <= bytes.length; count++) {
    const short = bytes[at + 1]! & 0x7f;
    const extended = short === 126 ? 2 : short === 127 ? 8 : 0;
    if (at + 2 + extended > bytes.length) break;
    const length =
      short === 126
        ? bytes.readUInt16BE(at + 2)
        : short === 127
          ? Number(bytes.readBigUInt64BE(at + 2))
          : short;
    at += 2 + extended + length;
    if (at > bytes.length) break;
  }
  return count;
}
