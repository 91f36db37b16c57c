/**
 * A `Response` on its way into Node's: in one go where its body lies there, else as it comes.
 *
 * Law: the web's streams and Node's response; knows no handler. Where the head depends on how the body begins, it waits
 * for that. An error before the first byte leaves the head unsaid,
 * so that the client can be told.
 */
import type { ServerResponse } from 'node:http';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { fitCoding, type Prepared } from './body-fields.ts';
import { endNow } from './node-response.ts';

/** Returns a promise where there is more to wait for: it settles when all was written, or nobody waits for it. */
export function sendResponse(prepared: Prepared, outgoing: ServerResponse): Promise<void> | undefined {
  const { body } = prepared;
  if (isStream(body) && Readable.isDisturbed(body as unknown as NodeJS.ReadableStream))
    throw new TypeError('The fetch handler returned a Response whose body was read');
  const isHead = outgoing.req.method === 'HEAD';
  if (outgoing.destroyed || isHead) drop(body);
  if (outgoing.destroyed) return undefined;
  if (isStream(body) && !isHead) return sendStream(prepared, body, outgoing);
  // Else its head would not say that it leaves too much of the request's body.
  if (isHead || !isReadable(body)) endNow(outgoing);
  writeHead(prepared, outgoing);
  if (isHead || body === null || body === undefined) outgoing.end();
  else if (isReadable(body)) return pipeline(body, outgoing);
  else outgoing.end(body);
  return undefined;
}

function writeHead({ status, statusText, headers }: Prepared, outgoing: ServerResponse): void {
  outgoing.writeHead(status, statusText === '' ? undefined : statusText, headers);
}

/** Backpressure is the reader's: nothing is read while the client takes nothing. */
async function sendStream(
  prepared: Prepared,
  stream: ReadableStream<Uint8Array>,
  outgoing: ServerResponse,
): Promise<void> {
  const reader = stream.getReader();
  const cancel = () =>
    void reader.cancel(new DOMException('The client has left', 'AbortError')).catch(() => {});
  outgoing.once('close', cancel);
  let begins: NodeJS.Immediate | undefined;
  try {
    const held = prepared.magic === null ? [] : await begin(prepared, reader, prepared.magic.length);
    if (outgoing.destroyed) return;
    writeHead(prepared, outgoing);
    // Whoever waits for the head of a stream that is slow to begin gets it.
    begins = setImmediate(() => outgoing.flushHeaders());
    for (;;) {
      const { done, value } = held.shift() ?? (await reader.read());
      clearImmediate(begins);
      if (done || outgoing.destroyed) break;
      if (!outgoing.write(value)) await drained(outgoing);
    }
  } catch (error) {
    cancel();
    throw error;
  } finally {
    clearImmediate(begins);
    outgoing.off('close', cancel);
  }
  outgoing.end();
}

type Read = Awaited<ReturnType<ReadableStreamDefaultReader<Uint8Array>['read']>>;

/** Reads so many bytes, by which the fields are fitted to the body; returns what was read. */
async function begin(
  prepared: Prepared,
  reader: ReadableStreamDefaultReader<Uint8Array>,
  bytes: number,
): Promise<Read[]> {
  const held: Read[] = [];
  let first = new Uint8Array(0);
  while (first.length < bytes) {
    const read = await reader.read();
    held.push(read);
    if (read.done) break;
    first = Buffer.concat([first, read.value.subarray(0, bytes)]);
  }
  fitCoding(prepared, first);
  return held;
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
