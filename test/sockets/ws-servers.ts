/**
 * The same program on node and on this server, for a comparison.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { onTestFinished } from 'vitest';
import { Cli } from '../support/cli.ts';
import { until } from '../support/until.ts';

const ECHO = fileURLToPath(new URL('fixtures/ws-echo.mjs', import.meta.url));

export interface Subject {
  readonly name: string;
  readonly port: number;
  /** The serving process. */
  readonly pid: number;
  /** The folder of its notes and of the files that release it. */
  readonly folder: string;
  /** The notes of the program about the connection with that id, one line per event. */
  readonly notes: (id: string) => string[];
}

function notesFolder(): { folder: string; notes: Subject['notes'] } {
  const folder = mkdtempSync(path.join(tmpdir(), 'tsgi-ws-'));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  const notes = (id: string) => {
    const file = path.join(folder, id);
    return existsSync(file) ? readFileSync(file, 'utf8').trimEnd().split('\n') : [];
  };
  return { folder, notes };
}

export async function onNode(): Promise<Subject> {
  const { folder, notes } = notesFolder();
  const env = { ...process.env, LOGS: folder, PORT: '0' };
  const child = spawn(process.execPath, [ECHO], { env, stdio: ['ignore', 'pipe', 'inherit'] });
  onTestFinished(() => void child.kill('SIGKILL'));
  const [line] = (await once(child.stdout, 'data')) as [Buffer];
  return { name: 'node', port: Number(new URL(line.toString().trim()).port), pid: child.pid!, folder, notes };
}

export async function onOurs(threads: number, ...args: string[]): Promise<Subject & { cli: Cli }> {
  const { folder, notes } = notesFolder();
  const flags = ['--port', '0', '--threads', String(threads), '--no-supervise', ...args];
  const cli = new Cli([ECHO, ...flags], { env: { LOGS: folder } });
  const { port } = new URL(await cli.url());
  return { name: 'tsgi-threads', port: Number(port), pid: cli.child.pid!, folder, notes, cli };
}

/** The notes once the connection has ended in the program. A connection that was never opened has none. */
export async function finalNotes({ notes }: Subject, id: string): Promise<string[]> {
  return until(() => {
    const lines = notes(id);
    return (lines.length === 0 || lines.at(-1)!.startsWith('["close"')) && lines;
  });
}
