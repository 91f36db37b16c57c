/**
 * Connections that an application has taken over by 'upgrade'.
 */
import { describe, expect } from 'vitest';
import { behaviour, get, type Program } from './behaviours.ts';

const UPGRADE = get('/', 'Connection: Upgrade', 'Upgrade: own');
const SWITCHED = 'HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: own\r\n\r\n';

describe('an upgraded socket that no code reads', () => {
  /** The action in the request's target happens when the client has half-closed. */
  const program: Program = ({ http, note, on }) => {
    const server = http.createServer();
    server.on('upgrade', (request, socket) => {
      socket.on('error', ({ message }) => note(`error ${message}`));
      socket.on('close', (hadError: boolean) => note(`close ${hadError}`));
      socket.on('end', () => {
        note('end');
        if (request.url === '/end') socket.end('bye');
        if (request.url === '/destroy') socket.destroy();
      });
      socket.write('HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: own\r\n\r\n');
      on('write', () => void socket.write('more'));
      note('upgraded');
    });
    on('close', () => void server.close(() => note('closed')));
    return server;
  };

  for (const [target, answer] of [
    ['/end', 'bye'],
    ['/destroy', ''],
  ] as const)
    behaviour(
      `emits 'end' when its client ends its side, and 'close' behind it: ${target} (C33)`,
      program,
      async ({ connect, noted, notes }) => {
        const client = await connect();
        await client.write(UPGRADE.replace('/', target));
        await noted('upgraded');
        client.socket.end();
        expect(await client.rest()).toBe(SWITCHED + answer);
        await noted('close false');
        expect(notes).toEqual(['upgraded', 'end', 'close false']);
      },
    );

  behaviour(
    "emits 'end' when its client ends its side at once (C33)",
    program,
    async ({ connect, noted }) => {
      const client = await connect();
      client.socket.end(UPGRADE.replace('/', '/end'));
      expect(await client.rest()).toBe(`${SWITCHED}bye`);
      await noted('close false');
    },
  );

  behaviour(
    "emits 'error' and 'close' when its client resets (C33)",
    program,
    async ({ connect, noted, notes }) => {
      const client = await connect();
      await client.write(UPGRADE);
      await noted('upgraded');
      client.socket.resetAndDestroy();
      await noted('close true');
      expect(notes).toEqual(['upgraded', 'error read ECONNRESET', 'close true']);
    },
  );

  behaviour(
    "does not emit 'end' before its bytes are read (C33)",
    program,
    async ({ connect, noted, notes, send }) => {
      const client = await connect();
      await client.write(UPGRADE);
      await noted('upgraded');
      client.socket.end('unread');
      send('write');
      await client.until(() => client.received.includes('more'));
      expect(notes).toEqual(['upgraded']);
    },
  );

  behaviour(
    'does not hold up server.close() behind its end (C33)',
    program,
    async ({ connect, noted, send, subject }) => {
      const client = await connect();
      await client.write(UPGRADE.replace('/', '/end'));
      await noted('upgraded');
      send('close');
      client.socket.end();
      await client.rest();
      await noted('close false');
      if (subject !== 'a worker') await noted('closed');
    },
  );
});
