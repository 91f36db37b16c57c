/**
 * Short chunks to a client that stops reading: unsent bytes must not change while other responses are sent.
 */
import net from 'node:net';
import { expect, test } from 'vitest';
import { appFile, serveFile } from '../support/server.ts';

const LINES = 400_000;
const LINE_BYTES = 20;

test('short chunks reach a late reader unchanged, beside responses to other clients', async () => {
  const app = appFile(`
    function* lines() {
      for (let i = 0; i < ${LINES}; i++) yield String(i).padStart(${LINE_BYTES - 1}, '0') + '\\n';
    }
    export default (environ, startResponse) => {
      if (environ.PATH_INFO === '/short') {
        startResponse(200, []);
        return 'x'.repeat(Number(environ.QUERY_STRING));
      }
      startResponse(200, [['content-length', '${LINES * LINE_BYTES}']]);
      return lines();
    };`);
  const { server, port } = await serveFile(app, 1);
  const socket = net.connect(port, '127.0.0.1');
  socket.pause();
  socket.write('GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n');
  for (let i = 0; i < 300; i++) {
    const length = 1 + ((i * 7) % 900);
    expect(await (await fetch(`${server.url}/short?${length}`)).text()).toBe('x'.repeat(length));
  }
  let text = '';
  for await (const chunk of socket) text += String(chunk);
  const body = text.slice(text.indexOf('\r\n\r\n') + 4);
  expect(body.length).toBe(LINES * LINE_BYTES);
  let wrong = 0;
  for (let i = 0; i < LINES; i++)
    if (Number(body.slice(i * LINE_BYTES, i * LINE_BYTES + LINE_BYTES - 1)) !== i) wrong += 1;
  expect(wrong).toBe(0);
});
