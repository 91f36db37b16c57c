/**
 * The parent: watches the process that serves, and passes on what it is told by signals.
 *
 * Law: the signals, exit code and console of a supervisor; what they mean is `supervisor/supervisor.ts`. Loads neither
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
    // Without `--` Node itself looks for the files of `--env-file`, wherever that stands, and ends when they are gone.
    command: [process.execPath, ...process.execArgv, '--', ...process.argv.slice(1)] as [string, ...string[]],
    log: tell,
    onSignals: (names) => names.forEach(passOn),
  });
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => close(supervisor, signal));
  const heard = new Set<NodeJS.Signals>();
  const passOn = (name: NodeJS.Signals) => {
    // A terminal tells all of its processes.
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
 * On a terminal it is gone: close. Its shell and the kernel may both say so, which counts once. A service is told to load
 * its application anew.
 */
function hangUp(supervisor: Supervisor): void {
  if (!isOnTerminal()) supervisor.reload();
  else if (!supervisor.closing) close(supervisor, 'SIGHUP');
}
