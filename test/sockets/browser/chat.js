/**
 * Runs an example chat with its one command.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';

const file = (name) => fileURLToPath(new URL(`../../../${name}`, import.meta.url));

export class Chat {
  url = '';
  log = '';
  #child;

  static async start(name, flags) {
    const chat = new Chat();
    const args = [
      file('dist/cli/main.js'),
      file(`examples/${name}/server.js`),
      '--threads',
      '2',
      '--port',
      '0',
      ...flags,
    ];
    chat.#child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'pipe'] });
    for (const stream of [chat.#child.stdout, chat.#child.stderr])
      stream.setEncoding('utf8').on('data', (text) => (chat.log += text));
    await chat.#says(/listening on \S+ with 2 workers/);
    [chat.url] = /http:\/\/127\S+/.exec(chat.log);
    return chat;
  }

  /** Reloads the application. Resolves when the new workers serve. */
  async reload() {
    this.#child.kill('SIGHUP');
    await this.#says(/reloaded in/);
  }

  async end() {
    this.#child.kill('SIGKILL');
    await once(this.#child, 'close');
  }

  async #says(pattern) {
    while (!pattern.test(this.log)) {
      if (this.#child.exitCode !== null) throw new Error('the server ended');
      await Promise.race([once(this.#child.stdout, 'data'), once(this.#child.stderr, 'data')]);
    }
  }
}
