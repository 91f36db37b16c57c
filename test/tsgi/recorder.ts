/**
 * A sink that records its calls, and a body that records the calls of its methods.
 */
import { callApplication, type Sink } from '../../src/tsgi/handler.ts';
import type { Application, BodyChunk, Environ, HeaderList } from '../../src/tsgi/types.ts';

export class Recorder implements Sink {
  readonly events: string[] = [];
  gone = false;
  /** The test resolves it when the sink has room again. */
  full: Promise<void> | undefined;

  respond(status: number, headers: HeaderList, body: BodyChunk | null): void {
    this.events.push(`respond ${status} ${headers.length} ${text(body)}`);
  }

  start(status: number, _headers: HeaderList, length: number): void {
    this.events.push(`start ${status} ${length}`);
  }

  write(chunk: BodyChunk): Promise<void> | undefined {
    this.events.push(`write ${text(chunk)}`);
    return this.full;
  }

  end(): void {
    this.events.push('end');
  }
}

export function text(chunk: BodyChunk | null): string {
  return chunk === null ? 'null' : Buffer.from(chunk as string).toString();
}

export async function run(
  application: Application,
  method = 'GET',
  recorder = new Recorder(),
): Promise<string[]> {
  try {
    await callApplication(application, { REQUEST_METHOD: method } as Environ, recorder);
  } catch (error) {
    recorder.events.push(`error ${(error as Error).message}`);
  }
  return recorder.events;
}

/** A body whose iterator and close() record their calls. */
export function traced(events: string[], chunks: unknown[]): Iterable<BodyChunk> & { close(): void } {
  return {
    close: () => void events.push('close'),
    [Symbol.iterator]() {
      let at = 0;
      return {
        next() {
          const value = chunks[at++];
          if (value instanceof Error) throw value;
          return at > chunks.length
            ? { done: true, value: undefined }
            : { done: false, value: value as BodyChunk };
        },
        return() {
          events.push('return');
          return { done: true, value: undefined };
        },
      };
    },
  };
}
