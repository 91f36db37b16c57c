/**
 * A `Response` on its way into Node's: in one go where its body lies there, else as it comes.
 *
 * Law: the web's streams and Node's response; knows no handler. An error before the first byte leaves the head unsaid,
 * so that the client can be told.
 */
import type { ServerResponse } from 'node:http';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import type { Prepared } from './fast-response.ts';

/** Returns a promise where there is more to wait for: it settles when all was written, or nobody waits for it. */
export function sendResponse(prepared: Prepared, outgoing: ServerResponse): Promise<void> | undefined {
  const { status, statusText, headers, body } = prepared;
  if (isStream(body) && Readable.isDisturbed(body as unknown as NodeJS.ReadableStream))
    throw new TypeError('The fetch handler returned a Response whose body was read');
  if (outgoing.destroyed || outgoing.req.method === 'HEAD') drop(body);
  if (outgoing.destroyed) return undefined;
  outgoing.writeHead(status, statusText === '' ? undefined : statusText, headers);
  if (outgoing.req.method === 'HEAD' || body === null || body === undefined) {
    outgoing.end();
    return undefined;
  }
  if (isStream(body)) return sendStream(body, outgoing);
  if (isReadable(body)) return pipeline(body, outgoing);
  outgoing.end(body);
  return undefined;
}

/** Backpressure is the reader's: nothing is read while the client takes nothing. */
async function sendStream(stream: ReadableStream<Uint8Array>, outgoing: ServerResponse): Promise<void> {
  const reader = stream.getReader();
  const cancel = () =>
    void reader.cancel(new DOMException('The client has left', 'AbortError')).catch(() => {});
  outgoing.once('close', cancel);
  // Whoever waits for the head of a stream that is slow to begin gets it.
  const begins = setImmediate(() => outgoing.flushHeaders());
  try {
    for (;;) {
      const { done, value } = await reader.read();
      clearImmediate(begins);
      if (done || outgoing.destroyed) break;
      if (!outgoing.write(value)) await drained(outgoing);
    }
  } finally {
    clearImmediate(begins);
    outgoing.off('close', cancel);
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

/** Nobody wants it. */
export function drop(body: unknown): void {
  if (isStream(body)) body.cancel().catch(() => {});
  else if (isReadable(body)) body.destroy();
}

/** The web's own, or a framework's. */
function isStream(body: unknown): body is ReadableStream<Uint8Array> {
  return typeof (body as ReadableStream | null | undefined)?.getReader === 'function';
}

function isReadable(body: unknown): body is Readable {
  return typeof (body as Readable | null | undefined)?.pipe === 'function';
}
