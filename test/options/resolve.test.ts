/**
 * Options from their sources: numbers, empty values, names with a typing error.
 */
import { describe, expect, test } from 'vitest';
import { resolveOptions } from '../../dist/options/resolve.js';
import { OPTIONS } from '../../dist/options/table.js';

const numbers = (kinds: readonly string[]) =>
  Object.entries(OPTIONS)
    .filter(([, { kind }]) => kinds.includes(kind))
    .map(([name]) => name);
const resolve = (given: Record<string, unknown>, env: Record<string, string> = {}) =>
  resolveOptions(given, env).options;

describe('a number is written in decimals', () => {
  test.each(numbers(['count', 'threads', 'bytes', 'time']))('%s (A20)', (name) => {
    const wrong = ['', ' ', '0x2', '1e1', '1e3ms', '+1', '-1', 'Infinity', 'NaN', '0b1', '1_0', '١'];
    for (const value of [...wrong, null, true, [2], 2n, Number.NaN, 1.5, Number.POSITIVE_INFINITY])
      expect(() => resolve({ [name]: value }), JSON.stringify(String(value))).toThrow(`Option ${name} (--`);
  });

  test.each(numbers(['count', 'threads']))('%s is a whole number (A20)', (name) => {
    for (const value of ['1.0', '1.5', '1k', '2s'])
      expect(() => resolve({ [name]: value })).toThrow(`Option ${name} (--`);
  });

  test('sizes and times may have a fraction and a unit', () => {
    expect(resolve({ maxBodySize: '1.5MiB', handlerTimeout: '0.5s', threads: '2' })).toMatchObject({
      maxBodySize: 1_572_864,
      handlerTimeout: 500,
      threads: 2,
    });
  });
});

describe('an empty value', () => {
  test.each(Object.keys(OPTIONS))('of %s causes an error with the remedy (A20)', (name) => {
    expect(() => resolve({ [name]: '' })).toThrow(/or leave it out for the default|is invalid: ""/);
  });

  test('in a variable counts as not set (A20)', () => {
    const env = Object.fromEntries(
      Object.keys(OPTIONS).map((name) => [
        `TSGI_${name.replace(/[A-Z]/g, (letter) => `_${letter}`).toUpperCase()}`,
        '',
      ]),
    );
    expect(resolve({}, env)).toEqual(resolve({}));
  });
});

test.each([
  ['TSGI_PROT', 'did you mean TSGI_PORT?'],
  ['TSGI_THREAD', 'did you mean TSGI_THREADS?'],
  ['TSGI_WORKERS', 'did you mean TSGI_THREADS?'],
  ['TSGI_BIND', 'did you mean TSGI_HOST and TSGI_PORT?'],
  ['TSGI_SUPERVISED_BY_NOBODY', 'no option has it; remove it'],
])('the variable %s causes an error (C30)', (name, remedy) => {
  expect(() => resolve({}, { [name]: '1' })).toThrow(`Unknown environment variable ${name}: ${remedy}`);
});

test('variables of the server, of tests and of Kubernetes cause no error (C30)', () => {
  const names = ['WORKER_INDEX', 'SUPERVISED', 'TEST_SEED', 'SERVICE_HOST', 'SERVICE_PORT_HTTP'];
  const env = Object.fromEntries(
    [...names, 'PORT_80_TCP', 'PORT_80_TCP_ADDR'].map((n) => [`TSGI_${n}`, '1']),
  );
  expect(() => resolve({}, { ...env, TSGI_SUPERVISE: 'true', TSGI_WATCH: '0' })).not.toThrow();
});

test.each([
  ['workers', 'threads'],
  ['maxbodysize', 'maxBodySize'],
  ['bind', 'host and port'],
])('the property %s causes an error that names %s (C30)', (name, meant) => {
  expect(() => resolve({ [name]: 1 })).toThrow(`Unknown option ${name}: did you mean ${meant}?`);
});

test.each(['100GiB', '9007199254740991', 2 ** 40])(
  'maxBuffered %s is above the possible size (A24)',
  (value) => {
    expect(() => resolve({ maxBuffered: value })).toThrow(/maxBuffered .* it takes a size .*, 1MiB to 2GiB/);
  },
);
