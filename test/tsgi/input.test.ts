/**
 * `tsgi.input`: reads of a given size, over sources whose chunks arrive immediately, with gaps, or end with an error.
 *
 * `tsgi.errors`: its lines.
 */
import { describe, expect, test } from 'vitest';
import { LineErrors } from '../../src/tsgi/error-stream.ts';
import { type BodySource, completeBody, emptyInput, Input } from '../../src/tsgi/input.ts';

interface Scripted extends BodySource {
  waits: number;
}

/** Returns each entry in turn. A string is a chunk, undefined is a gap that one wait fills, and an Error is thrown. */
function source(...script: (string | undefined | Error)[]): Scripted {
  let gap = false;
  const pass = () => {
    scripted.waits += 1;
    gap = false;
  };
  const scripted: Scripted = {
    waits: 0,
    next() {
      if (gap) return undefined;
      if (script.length === 0) return null;
      const entry = script.shift();
      if (entry instanceof Error) throw entry;
      gap = entry === undefined;
      return entry === undefined ? undefined : new Uint8Array(Buffer.from(entry, 'latin1'));
    },
    wait: () => Promise.resolve().then(pass),
    waitSync: pass,
  };
  return scripted;
}

const text = (bytes: Uint8Array) => Buffer.from(bytes).toString('latin1');

/** The same steps through the promises and through the blocking methods. */
const WAYS = [
  {
    way: 'read, readline, readlines',
    read: (input: Input, size?: number) => input.read(size),
    line: (input: Input, size?: number) => input.readline(size),
    lines: (input: Input, hint?: number) => input.readlines(hint),
  },
  {
    way: 'readSync, readlineSync, readlinesSync',
    read: async (input: Input, size?: number) => input.readSync(size),
    line: async (input: Input, size?: number) => input.readlineSync(size),
    lines: async (input: Input, hint?: number) => input.readlinesSync(hint),
  },
];

describe.each(WAYS)('$way', ({ read, line, lines }) => {
  test('read without a size returns the whole body, then nothing, again and again', async () => {
    const input = new Input(source('ab', 'c', undefined, 'de'));
    expect(text(await read(input))).toBe('abcde');
    expect(text(await read(input))).toBe('');
    expect(text(await read(input))).toBe('');
  });

  test('read returns exactly its size across chunks and gaps, and less only at the end', async () => {
    const input = new Input(source('abc', undefined, 'd', 'efgh'));
    expect(text(await read(input, 2))).toBe('ab');
    expect(text(await read(input, 4))).toBe('cdef');
    expect(text(await read(input, 9))).toBe('gh');
    expect(text(await read(input, 9))).toBe('');
  });

  test('read with enough bytes does not wait for more', async () => {
    const scripted = source('abc', undefined, 'd');
    const input = new Input(scripted);
    expect(text(await read(input, 3))).toBe('abc');
    expect(scripted.waits).toBe(0);
    expect(text(await read(input, 1))).toBe('d');
    expect(scripted.waits).toBe(1);
  });

  test('read of 0 bytes returns no bytes and consumes nothing', async () => {
    const scripted = source(undefined, 'abc');
    const input = new Input(scripted);
    expect((await read(input, 0)).length).toBe(0);
    expect(scripted.waits).toBe(0);
    expect(text(await read(input))).toBe('abc');
  });

  test('read byte by byte returns every byte once', async () => {
    const input = new Input(source('ab', undefined, '', 'cd'));
    let all = '';
    for (let i = 0; i < 6; i++) all += text(await read(input, 1));
    expect(all).toBe('abcd');
  });

  test('read joins chunks into a Uint8Array, not a Buffer', async () => {
    const bytes = await read(new Input(source('a', 'b')));
    expect(Object.getPrototypeOf(bytes)).toBe(Uint8Array.prototype);
    expect([...bytes]).toEqual([97, 98]);
  });

  test('read skips an empty chunk, which is not the end', async () => {
    expect(text(await read(new Input(source('', 'a', '', 'b'))))).toBe('ab');
  });

  test('read throws the error of its source unchanged', async () => {
    const broken = new Error('the client is gone');
    const input = new Input(source('ab', broken));
    expect(text(await read(input, 2))).toBe('ab');
    await expect(read(input, 1)).rejects.toBe(broken);
  });

  test('readline returns lines with their LF; the last line may lack it', async () => {
    const input = new Input(source('a\nb', undefined, 'c', '\n\nd'));
    const got: string[] = [];
    for (let i = 0; i < 5; i++) got.push(text(await line(input)));
    expect(got).toEqual(['a\n', 'bc\n', '\n', 'd', '']);
  });

  test('readline keeps CR, also a lone CR', async () => {
    const input = new Input(source('a\r\nb\rc\n'));
    expect([text(await line(input)), text(await line(input))]).toEqual(['a\r\n', 'b\rc\n']);
  });

  test('readline stops at its size, before, at and after the LF', async () => {
    const input = new Input(source('ab\n', 'cd\n', 'ef\ng'));
    expect(text(await line(input, 2))).toBe('ab');
    expect(text(await line(input, 2))).toBe('\n');
    expect(text(await line(input, 3))).toBe('cd\n');
    expect(text(await line(input, 9))).toBe('ef\n');
    expect(text(await line(input, 0))).toBe('');
    expect(text(await line(input, 9))).toBe('g');
  });

  test('readline counts its size across chunks', async () => {
    const input = new Input(source('ab', 'cd', 'ef\n'));
    expect([text(await line(input, 5)), text(await line(input, 5))]).toEqual(['abcde', 'f\n']);
  });

  test('readlines returns every line to the end', async () => {
    expect((await lines(new Input(source('a\nb', '\n', undefined, 'c')))).map(text)).toEqual([
      'a\n',
      'b\n',
      'c',
    ]);
    expect(await lines(new Input(source()))).toEqual([]);
  });

  test('readlines stops after the line that reaches the hint, and keeps the rest readable', async () => {
    const input = new Input(source('aa\nbb\ncc\n'));
    expect((await lines(input, 4)).map(text)).toEqual(['aa\n', 'bb\n']);
    expect((await lines(input, 3)).map(text)).toEqual(['cc\n']);
  });

  test('read and readline continue where the other stopped', async () => {
    const input = new Input(source('ab\ncd\nef'));
    expect(text(await read(input, 1))).toBe('a');
    expect(text(await line(input))).toBe('b\n');
    expect(text(await read(input, 2))).toBe('cd');
    expect((await lines(input)).map(text)).toEqual(['\n', 'ef']);
  });
});

describe('async iteration', () => {
  const all = async (input: Input): Promise<string[]> => {
    const chunks: string[] = [];
    for await (const chunk of input) chunks.push(text(chunk));
    return chunks;
  };

  test('iteration returns chunks as they arrived, without empty chunks', async () => {
    expect(await all(new Input(source('ab', '', undefined, 'c', undefined, undefined, 'd')))).toEqual([
      'ab',
      'c',
      'd',
    ]);
  });

  test('iteration starts with the rest of a partly read chunk', async () => {
    const input = new Input(source('abc', 'd'));
    await input.read(1);
    expect(await all(input)).toEqual(['bc', 'd']);
  });

  test('iteration that stops early leaves the rest readable', async () => {
    const input = new Input(source('a', 'b', 'c'));
    for await (const chunk of input) {
      expect(text(chunk)).toBe('a');
      break;
    }
    expect(text(await input.read(1))).toBe('b');
    expect(await all(input)).toEqual(['c']);
    expect(await all(input)).toEqual([]);
  });

  test('iteration throws the error of its source after the chunks before it', async () => {
    const broken = new Error('the client is gone');
    const seen: string[] = [];
    const loop = async () => {
      for await (const chunk of new Input(source('a', undefined, broken))) seen.push(text(chunk));
    };
    await expect(loop()).rejects.toBe(broken);
    expect(seen).toEqual(['a']);
  });
});

describe('completeBody', () => {
  test('a complete body returns its bytes once, without a copy, then the end', async () => {
    const bytes = new Uint8Array([1, 2, 3]);
    const body = completeBody(bytes);
    expect(body.next()).toBe(bytes);
    expect(body.next()).toBeNull();
    expect(body.next()).toBeNull();
    await body.wait();
    body.waitSync();
  });

  test('a complete body of no bytes is empty', async () => {
    expect((await new Input(completeBody(new Uint8Array(0))).read()).length).toBe(0);
    for await (const chunk of new Input(completeBody(new Uint8Array(0)))) expect.unreachable(text(chunk));
  });
});

test('emptyInput is at its end for every kind of read', async () => {
  for (let i = 0; i < 2; i++) {
    expect((await emptyInput.read()).length).toBe(0);
    expect((await emptyInput.read(5)).length).toBe(0);
    expect((await emptyInput.readline()).length).toBe(0);
    expect(await emptyInput.readlines()).toEqual([]);
    expect(emptyInput.readSync().length).toBe(0);
    expect(emptyInput.readlineSync().length).toBe(0);
    expect(emptyInput.readlinesSync()).toEqual([]);
    for await (const chunk of emptyInput) expect.unreachable(text(chunk));
  }
});

describe('sizes', () => {
  test.each(WAYS)('$way treat a negative size as no limit, as a file does', async ({ read, line, lines }) => {
    expect(text(await read(new Input(source('ab', 'c')), -1))).toBe('abc');
    expect(text(await line(new Input(source('ab\nc')), -1))).toBe('ab\n');
    expect((await lines(new Input(source('a\nb\n')), -1)).map(text)).toEqual(['a\n', 'b\n']);
  });

  test.each(WAYS)('$way treat a hint of 0 as no hint', async ({ lines }) => {
    expect((await lines(new Input(source('a\nb\n')), 0)).map(text)).toEqual(['a\n', 'b\n']);
  });

  test.each(WAYS)(
    '$way reject a value that is no number of bytes, and consume nothing',
    async ({ read, line, lines }) => {
      const input = new Input(source('abc'));
      for (const size of [Number.NaN, 1.5, '2', null] as number[]) {
        const rule = {
          code: 'TSGI_ERR_RULE',
          message: expect.stringContaining(
            `bytes: ${typeof size === 'string' ? JSON.stringify(size) : size}`,
          ),
        };
        await expect(read(input, size)).rejects.toMatchObject(rule);
        await expect(line(input, size)).rejects.toMatchObject(rule);
        await expect(lines(input, size)).rejects.toMatchObject(rule);
      }
      expect(text(await read(input))).toBe('abc');
    },
  );
});

/** Bytes that arrive one after the other. As in a worker, only one reader can wait for them. */
function arriving(...chunks: string[]): BodySource & { arrive(): Promise<void> } {
  const here: Uint8Array[] = [];
  let wake: (() => void) | undefined;
  return {
    next: () => here.shift() ?? (chunks.length === 0 ? null : undefined),
    wait: () => new Promise((resolve) => (wake = resolve)),
    waitSync: () => expect.unreachable('nobody reads synchronously'),
    async arrive() {
      while (chunks.length > 0) {
        here.push(new Uint8Array(Buffer.from(chunks.shift()!, 'latin1')));
        wake?.();
        await new Promise((resolve) => setImmediate(resolve));
      }
    },
  };
}

async function chunksOf(input: Input): Promise<string[]> {
  const chunks: string[] = [];
  for await (const chunk of input) chunks.push(text(chunk));
  return chunks;
}

describe('concurrent reads', () => {
  test('get their bytes in the order of their calls', async () => {
    const body = arriving('ab\nc', 'd\n', 'ef', 'g');
    const input = new Input(body);
    const reads = [input.readline(), input.readline(), input.read(1), input.read()];
    await body.arrive();
    expect((await Promise.all(reads)).map(text)).toEqual(['ab\n', 'cd\n', 'e', 'fg']);
  }, 5_000);

  test('wait in order with a loop over the chunks', async () => {
    const body = arriving('ab', 'cd');
    const input = new Input(body);
    const first = input.read(3);
    const loop = chunksOf(input);
    await body.arrive();
    expect([text(await first), await loop]).toEqual(['abc', ['d']]);
  }, 5_000);

  test('reject a synchronous read until they have ended', async () => {
    const input = new Input(source('a', undefined, 'b', undefined, 'c'));
    const waiting = input.read(2);
    expect(() => input.readSync()).toThrow('while a read is waiting');
    expect(text(await waiting)).toBe('ab');
    expect(text(input.readSync())).toBe('c');
  });

  test('fail separately: the next read reads the source again', async () => {
    const input = new Input(source(undefined, new Error('broken'), 'rest'));
    const reads = await Promise.allSettled([input.read(), input.read()]);
    expect(reads.map(({ status }) => status)).toEqual(['rejected', 'fulfilled']);
  });
});

test('bytes gathered by a read that cannot block stay for the next read', async () => {
  const refusing = source('ab', undefined, 'cd');
  refusing.waitSync = () => {
    throw new Error('cannot block');
  };
  const input = new Input(refusing);
  expect(() => input.readSync()).toThrow('cannot block');
  expect(() => input.readlineSync()).toThrow('cannot block');
  expect(text(await input.read())).toBe('abcd');
});

test('the result of a read is not overwritten by the next read', async () => {
  const first = new Uint8Array([97, 98, 99, 100]);
  const chunks = [first, new Uint8Array([101]), null];
  const input = new Input({ next: () => chunks.shift(), wait: () => Promise.resolve(), waitSync() {} });
  const [head, rest] = [await input.read(1), await input.read()];
  expect([text(head), text(rest), text(first)]).toEqual(['a', 'bcde', 'abcd']);
});

test('a body of 200,000 single bytes is read in linear time', async () => {
  let left = 400_000;
  const byte = new Uint8Array([120]);
  const trickle: BodySource = {
    next: () => (left === 0 ? null : left-- % 2 === 0 ? byte : undefined),
    wait: () => Promise.resolve(),
    waitSync() {},
  };
  expect((await new Input(trickle).read()).length).toBe(200_000);
}, 15_000);

describe('LineErrors', () => {
  function told(act: (errors: LineErrors) => void): string[] {
    const lines: string[] = [];
    act(new LineErrors((line) => lines.push(line)));
    return lines;
  }

  test.each<[string, string[], string[]]>([
    ['a line is told when its line feed comes', ['a', 'b\nc'], ['ab']],
    ['several lines in one text are told apart', ['a\nb\n\nc\n'], ['a', 'b', '', 'c']],
    ['an empty text is nothing', ['', 'a', '', '\n'], ['a']],
    ['any Unicode passes', ['ü€😀\n'], ['ü€😀']],
  ])('%s', (_, texts, lines) => {
    expect(told((errors) => errors.writelines(texts))).toEqual(lines);
  });

  test('flush writes the unfinished line once', () => {
    const lines = told((errors) => {
      errors.write('a\nb');
      errors.flush();
      errors.flush();
      errors.write('c\n');
    });
    expect(lines).toEqual(['a', 'b', 'c']);
  });

  test('an error object is written as text', () => {
    expect(told((errors) => (errors.write(new Error('x') as never), errors.flush()))).toEqual(['Error: x']);
  });

  test('an endless line is written in bounded pieces without loss', () => {
    const piece = 'abcdefgh';
    const lines = told((errors) => {
      for (let i = 0; i < 100_000; i++) errors.write(piece);
      errors.flush();
    });
    expect(Math.max(...lines.map((line) => line.length))).toBeLessThanOrEqual(65_536 + piece.length);
    expect(lines.join('')).toBe(piece.repeat(100_000));
  }, 15_000);
});
