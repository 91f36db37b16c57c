/**
 * Writes a `Response` to Node's response: at once if its whole body is there, otherwise as it arrives.
 *
 * Law: the web's streams and Node's response; knows no handler. If the head depends on the first body bytes, it waits for them.
 * After an error before the first byte, the head is not sent, so that the client can get another answer.
 */
import type { ServerResponse } from 'node:http';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { setImmediate } from 'node:timers/promises';
import { fitCoding, fitFields, isStream, type Prepared } from './body-fields.ts';
import { endNow } from '../node/response.ts';
import { type Reader, StreamBegin } from '../node/stream-begin.ts';

/** Returns a promise if there is more to wait for. It settles when all bytes are written, or when no client waits for them. */
export function sendResponse(prepared: Prepared, outgoing: ServerResponse): Promise<void> | undefined {
  const { body } = prepared;
  if (isStream(body) && Readable.isDisturbed(body as unknown as NodeJS.ReadableStream))
    throw new TypeError('The fetch handler returned a Response whose body was read');
  const isHead = outgoing.req.method === 'HEAD';
  if (outgoing.destroyed || isHead) drop(body);
  if (outgoing.destroyed) return undefined;
  if (isStream(body) && !isHead) return sendStream(prepared, body, outgoing);
  // Otherwise the head would not announce the close that an unread request body can need.
  if (isHead || !isReadable(body)) endNow(outgoing);
  writeHead(prepared, outgoing);
  if (isHead || body === null || body === undefined) outgoing.end();
  else if (isReadable(body)) return pipeline(body, outgoing);
  else outgoing.end(body);
  return undefined;
}

/** The characters of a reason phrase (RFC 9112 §4). `fetch` puts other characters into the phrase of an upstream's answer. */
const REASON = /^[\t\u0020-\u007E\u0080-\u00FF]+$/;

function writeHead({ status, statusText = '', headers }: Prepared, outgoing: ServerResponse): void {
  outgoing.writeHead(status, REASON.test(statusText) ? statusText : undefined, headers);
}

/**
 * Sends a stream. The client sets the pace: nothing is read while the client takes nothing.
 *
 * A body that is there at once is sent with its length, because the web's own Response makes a stream of each text.
 */
async function sendStream(
  prepared: Prepared,
  stream: ReadableStream<Uint8Array>,
  outgoing: ServerResponse,
): Promise<void> {
  const reader = stream.getReader();
  const cancel = () =>
    void reader.cancel(new DOMException('The client has left', 'AbortError')).catch(() => {});
  outgoing.once('close', cancel);
  try {
    const begin = new StreamBegin(reader);
    await begin.hold();
    if (begin.isWhole) prepared.body = begin.bytes() as typeof prepared.body;
    fitFields(prepared, false);
    if (prepared.magic !== null) fitCoding(prepared, await begin.first(prepared.magic.length));
    if (outgoing.destroyed) return;
    if (begin.isWhole) endNow(outgoing);
    writeHead(prepared, outgoing);
    await pass(begin, reader, outgoing);
  } catch (error) {
    cancel();
    throw error;
  } finally {
    outgoing.off('close', cancel);
  }
}

/** Sends the body after the head. */
async function pass(begin: StreamBegin, reader: Reader, outgoing: ServerResponse): Promise<void> {
  if (begin.isWhole) return void outgoing.end(begin.bytes());
  // The client receives the head of a stream that is slow to begin.
  if (begin.isEmpty) outgoing.flushHeaders();
  else if (!outgoing.write(begin.bytes())) await drained(outgoing);
  // Written bytes leave before the error ends the response.
  if (begin.hasFailed) await setImmediate();
  for (let next = begin.next ?? reader.read(); ; next = reader.read()) {
    const { done, value } = await next;
    if (done || outgoing.destroyed) break;
    if (!outgoing.write(value)) await drained(outgoing);
  }
  outgoing.end();
}

function drained(outgoing: ServerResponse): Promise<void> {
  return new Promise((resolve) => {
    const done = () => {
      outgoing.off('drain', done).off('close', done);
      resolve();
    };
    outgoing.once('drain', done).once('close', done);
  });
}

/** Cancels a body that is not sent. */
export function drop(body: unknown): void {
  if (isStream(body)) body.cancel().catch(() => {});
  else if (isReadable(body)) body.destroy();
}

function isReadable(body: unknown): body is Readable {
  return typeof (body as Readable | null | undefined)?.pipe === 'function';
}
