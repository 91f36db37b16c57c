/**
 * The socket from a listener's view, and timeouts.
 */
import { type Cases, serverOf, watch } from './case.ts';

export const sockets: Cases = {
  addresses: {
    listener: ({ socket }, response) => {
      const { remoteAddress, remoteFamily, localAddress, localFamily, connecting, pending, readyState } =
        socket;
      const { address, family } = socket.address() as { address: string; family: string };
      response.end(
        JSON.stringify([
          [remoteAddress, remoteFamily, localAddress, localFamily, connecting, pending, readyState],
          [address, family, typeof socket.remotePort, typeof socket.localPort],
          ['encrypted' in socket, socket.destroyed, socket.readable, socket.writable],
          [socket.writableHighWaterMark, socket.readableHighWaterMark, socket.allowHalfOpen],
          [typeof socket.bytesRead, typeof socket.bytesWritten, socket.timeout],
        ]),
      );
    },
  },
  'ports of both ends': {
    client: async (client, bytes) => {
      await client.write(bytes.replace('x-case', `x-port: ${client.socket.localPort}\r\nx-case`));
    },
    listener: ({ socket, headers }, response) => {
      const { port } = socket.address() as { port: number };
      response.end(
        JSON.stringify([String(socket.remotePort) === headers['x-port'], socket.localPort === port]),
      );
    },
  },
  'what is counted': {
    sends: { method: 'POST', fields: ['Content-Length: 5'], body: 'abcde' },
    listener: (request, response, note) => {
      const { socket } = request;
      request.resume().on('end', () => {
        response.end('x'.repeat(100));
        response.on('close', () => note('counted', [socket.bytesWritten > 100, socket.bytesRead >= 5]));
      });
    },
    ends: ['counted'],
  },
  'calls that change nothing here': {
    listener: ({ socket }, response) => {
      const same = [socket.setNoDelay(true), socket.setKeepAlive(true, 1000), socket.ref(), socket.unref()];
      response.end(String(same.every((one) => one === socket)));
    },
  },
  'the server behind the socket': {
    listener: (request, response) => {
      const server = serverOf(request);
      response.end(JSON.stringify([server.constructor.name, server.listenerCount('request')]));
    },
  },
  'response.setTimeout': {
    listener: (request, response, note) => {
      watch(request, response, note);
      const self = response.setTimeout(20, () => {
        note('timeout');
        response.end('timed out');
      });
      note('chains', self === response);
    },
    ends: ['timeout', 'res close'],
  },
  'request.setTimeout': {
    sends: { method: 'POST', fields: ['Content-Length: 200000'], body: 'x'.repeat(200_000) },
    client: async (client, bytes) => {
      await client.write(bytes.slice(0, 100_000));
    },
    listener: (request, response, note) => {
      request.resume();
      request.setTimeout(20, () => {
        note('timeout', request.complete);
        response.writeHead(408, { connection: 'close' }).end('timed out');
      });
    },
    ends: ['timeout'],
  },
  'socket.setTimeout': {
    reset: 'may',
    listener: ({ socket }, response, note) => {
      socket.setTimeout(20, () => {
        note('timeout', socket.timeout);
        socket.setTimeout(0);
        note('taken back', socket.timeout ?? 0);
        response.end('timed out');
      });
    },
    ends: ['taken back'],
  },
  'a timeout nobody listens for': {
    reset: 'may',
    listener: (request, response, note) => {
      watch(request, response, note);
      request.socket.setTimeout(20);
    },
    ends: ['res close', 'req close'],
  },
  'a timeout that writing puts off': {
    listener: (_, response, note) => {
      response.setTimeout(150, () => note('timeout'));
      let left = 6;
      const timer = setInterval(() => {
        left -= 1;
        response.write('x');
        if (left > 0) return;
        clearInterval(timer);
        response.end();
        note('written');
      }, 40);
    },
    ends: ['written'],
    chunks: 'any',
  },
};
