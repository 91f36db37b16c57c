/**
 * The state machine ends a body with return() and close() on every path.
 */
import { describe, expect, test } from 'vitest';
import type { Application, Body, HeaderList } from '../../src/tsgi/types.ts';
import { Recorder, run, traced } from './recorder.ts';

describe('close() of a body is called exactly once', () => {
  const application = (chunks: unknown[], events: string[]): Application => {
    return (_, start) => (start(200, []), traced(events, chunks));
  };

  test('at the end', async () => {
    const recorder = new Recorder();
    await run(application(['a'], recorder.events), 'GET', recorder);
    expect(recorder.events).toEqual(['start 200 -1', 'write a', 'close', 'end']);
  });

  test('after an error, which is not changed', async () => {
    const recorder = new Recorder();
    await run(application(['a', new Error('broken')], recorder.events), 'GET', recorder);
    expect(recorder.events).toEqual(['start 200 -1', 'write a', 'return', 'close', 'error broken']);
  });

  test('when the client has left, after return(), and no more chunks are pulled', async () => {
    const recorder = new Recorder();
    recorder.gone = true;
    await run(application(['a'], recorder.events), 'GET', recorder);
    expect(recorder.events).toEqual(['return', 'close']);
  });

  test('for HEAD, without pulling the body', async () => {
    const recorder = new Recorder();
    await run(application(['a'], recorder.events), 'HEAD', recorder);
    expect(recorder.events).toEqual(['return', 'close', 'start 200 -1', 'end']);
  });
});

describe('close() is also called exactly once', () => {
  const closing = (body: unknown, events: string[], fails = false): Body =>
    Object.assign(body as object, {
      close() {
        events.push('close');
        if (fails) throw new Error('close failed');
      },
    }) as never;

  async function eventsOf(body: unknown, options: { fails?: boolean; headers?: HeaderList } = {}) {
    const recorder = new Recorder();
    return run(
      (_, start) => (start(200, options.headers ?? []), closing(body, recorder.events, options.fails)),
      'GET',
      recorder,
    );
  }

  test('when the body is shorter than its Content-Length', async () => {
    const events = await eventsOf(traced([], ['a']), { headers: [['content-length', '5']] });
    expect(events).toEqual(['start 200 5', 'write a', 'close', expect.stringMatching('1 of 5 came')]);
  });

  test('when the body is longer, after return()', async () => {
    const recorder = new Recorder();
    const body = traced(recorder.events, ['ab', 'cd', 'ef']);
    await run((_, start) => (start(200, [['content-length', '3']]), body), 'GET', recorder);
    expect(recorder.events.slice(3)).toEqual([
      'end',
      'return',
      'close',
      expect.stringMatching('not be longer'),
    ]);
  });

  test('when close() itself throws, and its error is propagated', async () => {
    const ends = ['close', 'error close failed'];
    expect(await eventsOf(traced([], ['a']), { fails: true })).toEqual(['start 200 -1', 'write a', ...ends]);
    expect(await eventsOf(['a', 'b'], { fails: true })).toEqual([
      'start 200 2',
      'write a',
      'write b',
      ...ends, // prettier-ignore
    ]);
  });

  test('when close() throws after another error, which is propagated', async () => {
    expect(await eventsOf(traced([], [new Error('first')]), { fails: true })).toEqual([
      'close',
      'error first',
    ]);
  });

  test('when an array has an invalid chunk, and when the value is no body', async () => {
    expect(await eventsOf(['a', 1])).toEqual(['close', expect.stringMatching('chunk must be')]);
    expect(await eventsOf(['a'])).toEqual(['start 200 1', 'write a', 'close', 'end']);
    expect(await eventsOf({})).toEqual(['close', expect.stringMatching('must return')]);
  });

  test('when its result is a promise, which is awaited before the end', async () => {
    const recorder = new Recorder();
    const body = Object.assign(['a', 'b'], {
      async close() {
        await Promise.resolve();
        recorder.events.push('closed');
      },
    });
    await run((_, start) => (start(200, []), body), 'GET', recorder);
    expect(recorder.events).toEqual(['start 200 2', 'write a', 'write b', 'closed', 'end']);
  });

  test('when the client leaves while the sink is full, after return()', async () => {
    const recorder = new Recorder();
    let room!: () => void;
    recorder.full = new Promise((resolve) => (room = resolve));
    const ended = run((_, start) => (start(200, []), traced(recorder.events, ['a', 'b'])), 'GET', recorder);
    recorder.gone = true;
    room();
    expect(await ended).toEqual(['start 200 -1', 'write a', 'return', 'close']);
  });
});
