/**
 * The parent process: watches the serving process, and passes on signals.
 *
 * Law: the signals, the exit code and the console of a supervisor. `supervisor/supervisor.ts` does the work. Loads neither
 * the server nor the application, so that it stays small.
 */
import { ENDING } from '../signals.ts';
import { endBroken } from '../supervisor/child.ts';
import { Supervisor } from '../supervisor/supervisor.ts';
import type { Arguments } from './command.ts';
import { codeOf, fail, type Signal, tell, tellClosing, whichSignal } from './exit.ts';
import { flushStdio } from './command-output.ts';
import { hasLostTerminal, isOnTerminal } from './terminal.ts';

export async function supervise({ options, command }: Arguments): Promise<never> {
  const supervisor = new Supervisor({
    shutdownTimeout: options.shutdownTimeout,
    bootTimeout: options.bootTimeout,
    watchdogTimeout: command.watchdogTimeout,
    // Without `--`, Node would find the files of `--env-file` anywhere on the line, and end if one no longer exists.
    command: [process.execPath, ...process.execArgv, '--', ...process.argv.slice(1)] as [string, ...string[]],
    log: tell,
    onSignals: (names) => names.forEach(passOn),
  });
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => close(supervisor, signal));
  const heard = new Set<NodeJS.Signals>();
  const passOn = (name: NodeJS.Signals) => {
    // A terminal sends SIGWINCH to all of its processes.
    if (heard.has(name) || (name === 'SIGWINCH' && isOnTerminal())) return;
    heard.add(name);
    process.on(name, () => supervisor.signal(name));
  };
  for (const name of [...ENDING, 'SIGUSR1'] as const) passOn(name);
  process.on('uncaughtException', (error) => endBroken(error) || fail(error));
  process.on('SIGHUP', () => hangUp(supervisor));
  process.once('SIGQUIT', () => {
    supervisor.kill();
    process.exit(codeOf('SIGQUIT'));
  });
  const code = await supervisor.run();
  flushStdio();
  if (hasLostTerminal()) process.kill(process.pid, 'SIGKILL');
  process.exit(code);
}

function close(supervisor: Supervisor, signal: Signal): void {
  const which = whichSignal();
  if (which === 'first') tellClosing(signal);
  if (which !== 'same') supervisor.close(codeOf(signal));
}

/**
 * On a terminal, SIGHUP means that the terminal is gone, so the server closes. The shell and the kernel may both send it,
 * which counts once. For a service, it is a request to load the application again.
 */
function hangUp(supervisor: Supervisor): void {
  if (!isOnTerminal()) supervisor.reload();
  else if (!supervisor.closing) close(supervisor, 'SIGHUP');
}
