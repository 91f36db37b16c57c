/**
 * The journal: one process writes it, and another reads it after the first has died.
 */
import { closeSync, existsSync, openSync, statSync, truncateSync } from 'node:fs';
import { expect, onTestFinished, test } from 'vitest';
import { Journal, readJournal } from '../src/journal.ts';
import { appFile } from './support/server.ts';

function journal(): { journal: Journal; file: string } {
  const file = appFile('', 'journal');
  const fd = openSync(file, 'w');
  onTestFinished(() => closeSync(fd));
  return { journal: new Journal(fd, 'ab'), file };
}

test('contains the begun and not finished requests, in order, with their ids', () => {
  const { journal: written, file } = journal();
  written.begun(3, 36, 'GET /a?b=1');
  written.begun(4, 37, 'POST /c');
  written.over(3);
  written.begun(3, 38, 'GET /d');
  expect(readJournal(file)).toEqual([]);
  written.flush();
  expect(readJournal(file)).toEqual(['ab-11 POST /c', 'ab-12 GET /d']);
  written.over(4);
  written.flush();
  expect(readJournal(file)).toEqual(['ab-12 GET /d']);
});

test('stays readable if its writer died in the middle of a line', () => {
  const { journal: written, file } = journal();
  written.begun(1, 1, 'GET /whole');
  written.begun(2, 2, 'GET /broken');
  written.flush();
  truncateSync(file, statSync(file).size - 4);
  expect(readJournal(file)).toEqual(['ab-1 GET /whole', 'ab-2 GET /bro']);
});

test('does not grow without limit: a full journal is rewritten with the open requests', () => {
  const { journal: written, file } = journal();
  written.begun(7, 7, `GET /${'x'.repeat(5000)}`);
  for (let i = 8; !written.full; i++) {
    written.begun(9, i, 'GET /short');
    written.over(9);
    written.flush();
  }
  expect(statSync(file).size).toBeLessThan(1.1 * 1024 * 1024);
  expect(readJournal(file)[0]).toHaveLength('ab-7 '.length + 300);
  written.restart();
  written.begun(7, 7, 'GET /open');
  written.flush();
  expect(readJournal(file)).toEqual(['ab-7 GET /open']);
  expect(statSync(file).size).toBe('+7 ab-7 GET /open\n'.length);
});

test.skipIf(!existsSync('/dev/full'))(
  'a full disk causes no exception, and the journal requests a restart of itself',
  () => {
    const fd = openSync('/dev/full', 'r+');
    onTestFinished(() => closeSync(fd));
    const written = new Journal(fd, 'ab');
    for (let i = 0; i < 2; i++) {
      written.begun(1, 1, 'GET /');
      written.flush();
      expect(written.full).toBe(true);
      written.restart();
      expect(written.full).toBe(false);
    }
  },
);
