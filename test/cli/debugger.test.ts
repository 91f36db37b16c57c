/**
 * A debugger that stops a worker: real breakpoints, set over the inspector's WebSocket like in DevTools.
 */
import { once } from 'node:events';
import { expect, test } from 'vitest';
import { WebSocket } from 'ws';
import { Cli } from '../support/cli.ts';
import { appFile } from '../support/server.ts';
import { until } from '../support/until.ts';

interface Message {
  readonly method?: string;
  readonly params?: { readonly sessionId?: string; readonly message?: string };
}

/** DevTools, attached to the workers of a process. It stops at each `debugger` statement. */
class DevTools {
  readonly #socket: WebSocket;
  readonly paused: string[] = [];
  #id = 0;

  private constructor(socket: WebSocket) {
    this.#socket = socket;
    socket.on('message', (data) => this.#onMessage(JSON.parse(String(data)) as Message));
  }

  static async attach(url: string): Promise<DevTools> {
    const socket = new WebSocket(url);
    const tools = new DevTools(socket);
    await once(socket, 'open');
    tools.#send('NodeWorker.enable', { waitForDebuggerOnStart: false });
    return tools;
  }

  #send(method: string, params: object = {}): void {
    this.#socket.send(JSON.stringify({ id: ++this.#id, method, params }));
  }

  #sendTo(sessionId: string, method: string): void {
    const message = JSON.stringify({ id: ++this.#id, method });
    this.#send('NodeWorker.sendMessageToWorker', { sessionId, message });
  }

  #onMessage({ method, params }: Message): void {
    if (method === 'NodeWorker.attachedToWorker') this.#sendTo(params!.sessionId!, 'Debugger.enable');
    if (method !== 'NodeWorker.receivedMessageFromWorker') return;
    if ((JSON.parse(params!.message!) as Message).method === 'Debugger.paused')
      this.paused.push(params!.sessionId!);
  }

  resume(): void {
    for (const session of this.paused.splice(0)) this.#sendTo(session, 'Debugger.resume');
  }

  async detach(): Promise<void> {
    this.#socket.close();
    await once(this.#socket, 'close');
  }
}

async function start(source: string, ...flags: string[]): Promise<{ cli: Cli; inspector: string }> {
  const cli = new Cli([appFile(source), '--port', '0', '--threads', '1', ...flags], {
    node: ['--inspect=127.0.0.1:0'],
  });
  await until(() => cli.stderr.includes('ws://'));
  return { cli, inspector: /ws:\/\/\S+/.exec(cli.stderr)![0] };
}

const TIMEOUTS = ['--handler-timeout', '200ms', '--kill-grace', '100ms', '--pending-timeout', '200ms'];
const HELD = 'A debugger is attached';

test('a breakpoint beyond every deadline affects neither its request nor later requests (C22)', async () => {
  const { cli, inspector } = await start(
    `export default (environ, startResponse) => {
       if (environ.PATH_INFO === '/held') debugger;
       startResponse(200, []);
       return environ.PATH_INFO;
     };`,
    ...TIMEOUTS,
  );
  const url = await cli.url();
  const tools = await DevTools.attach(inspector);
  const get = async (path: string) => (await fetch(`${url}${path}`)).text();
  // The application is called again until its thread knows of the debugger.
  let held = get('/held');
  while (tools.paused.length === 0) {
    const paused = until(() => tools.paused.length > 0);
    if (!(await Promise.race([held.then(() => false), paused]))) held = get('/held');
  }
  const behind = get('/behind');
  const heldSince = performance.now();
  await until(() => cli.stderr.includes(HELD) && performance.now() - heldSince > 700);
  tools.resume();
  expect(await held).toBe('/held');
  expect(await behind).toBe('/behind');
  expect(cli.stderr).not.toMatch(/504|terminated/);
  await tools.detach();
});

test('an inspector without a client leaves the deadlines unchanged (C22)', async () => {
  const { cli } = await start(
    `export default (environ, startResponse) => { const end = Date.now() + 20_000; while (Date.now() < end); };`,
    ...TIMEOUTS,
  );
  expect((await fetch(await cli.url())).status).toBe(504);
  expect(cli.stderr).not.toContain(HELD);
});

test('a breakpoint in the start of the application may exceed --boot-timeout (C22)', async () => {
  const { cli, inspector } = await start(
    `await new Promise((resolve) => setTimeout(resolve, 150));
     debugger;
     export default (environ, startResponse) => { startResponse(200, []); return 'started'; };`,
    '--boot-timeout',
    '600ms',
  );
  const tools = await DevTools.attach(inspector);
  await until(() => tools.paused.length > 0);
  await until(() => cli.stderr.includes(HELD));
  tools.resume();
  expect(await (await fetch(await cli.url())).text()).toBe('started');
  await tools.detach();
});
