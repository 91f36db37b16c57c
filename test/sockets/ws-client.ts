/**
 * A client that sends a sequence in randomly cut pieces, and keeps the server's bytes.
 */
import { once } from 'node:events';
import net from 'node:net';
import { countFrames } from './ws-frames.ts';
import type { Step } from './ws-sequences.ts';

/** The longest run of steps in a sequence takes less than this. */
const PATIENCE_MS = 20_000;
const MOST_CUTS = 8;

export interface Heard {
  /** All bytes that the server sent, without the dates, as Latin-1. */
  readonly bytes: string;
  /** How the connection ended: the server's end, or a reset. */
  readonly end: string;
}

export class SequenceClient {
  readonly #socket: net.Socket;
  readonly #random: () => number;
  #received: Buffer[] = [];
  #length = 0;
  #end = '';
  #wake: (() => void) | null = null;

  constructor(port: number, random: () => number) {
    this.#random = random;
    this.#socket = net.connect({ port, host: '127.0.0.1', allowHalfOpen: true, noDelay: true });
    this.#socket.on('data', (bytes: Buffer) => {
      this.#received.push(bytes);
      this.#length += bytes.length;
      this.#wake?.();
    });
    this.#socket.on('end', () => this.#onEnd('end'));
    this.#socket.on('error', (error: NodeJS.ErrnoException) => this.#onEnd(error.code!));
    this.#socket.on('close', () => this.#onEnd('close'));
  }

  /** Sends everything, waits for the server's end, and returns the received bytes. */
  async say(steps: readonly Step[]): Promise<Heard> {
    await once(this.#socket, 'connect');
    const limit = setTimeout(() => this.#onEnd('nothing more came'), PATIENCE_MS);
    for (let at = 0; at < steps.length;) {
      const step = steps[at]!;
      if (typeof step !== 'object') {
        await this.#do(step);
        at += 1;
        continue;
      }
      const next = steps.findIndex((other, index) => index > at && typeof other !== 'object');
      const end = next === -1 ? steps.length : next;
      await this.send(Buffer.concat(steps.slice(at, end) as Buffer[]));
      at = end;
    }
    await this.#until(() => this.#end !== '');
    clearTimeout(limit);
    this.#socket.destroy();
    return { bytes: withoutDates(this.#bytes()), end: this.#end };
  }

  async #do(step: Exclude<Step, Buffer>): Promise<void> {
    if (step === 'fin') this.#socket.end();
    else if (step === 'reset') this.leave();
    else if (step === 'answered') await this.#until(() => this.#end !== '' || this.#length > 0);
    else await this.#until(() => this.#end !== '' || this.#frames() >= step);
  }

  /** Cut at random places, each piece in a separate packet as far as the kernel allows. */
  async send(bytes: Buffer): Promise<void> {
    const cuts = Array.from({ length: Math.floor(this.#random() * MOST_CUTS) }, () =>
      Math.floor(this.#random() * bytes.length),
    ).sort((a, b) => a - b);
    let from = 0;
    for (const to of [...cuts, bytes.length]) {
      if (this.#socket.destroyed) return;
      if (to > from) this.#socket.write(bytes.subarray(from, to));
      from = to;
      for (let turns = Math.floor(this.#random() * 4); turns > 0; turns--)
        await new Promise((resolve) => setImmediate(resolve));
    }
  }

  leave(): void {
    this.#socket.resetAndDestroy();
  }

  #bytes(): Buffer {
    this.#received = [Buffer.concat(this.#received)];
    return this.#received[0]!;
  }

  /** The bytes after the head with 101. */
  #frames(): number {
    const bytes = this.#bytes();
    const head = bytes.indexOf('HTTP/1.1 101');
    const end = head === -1 ? -1 : bytes.indexOf('\r\n\r\n', head);
    return end === -1 ? 0 : countFrames(bytes, end + 4);
  }

  async #until(done: () => boolean): Promise<void> {
    while (!done()) await new Promise<void>((resolve) => (this.#wake = resolve));
  }

  #onEnd(how: string): void {
    this.#end ||= how;
    this.#wake?.();
  }
}

function withoutDates(bytes: Buffer): string {
  return bytes.toString('latin1').replace(/^Date: .*\r\n/gim, '');
}
