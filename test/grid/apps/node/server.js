/** node:http without a framework: what the listeners of old programs do. */
import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import http from 'node:http';
import { pipeline } from 'node:stream';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { createBrotliCompress, createGzip } from 'node:zlib';

const numbers = fileURLToPath(new URL('../public/numbers.txt', import.meta.url));

const pages = {
  '/': (req, res) => res.end('<h1>Hello</h1>'),
  '/about': (req, res) => {
    res.writeHead(200, 'Well Done', ['Content-Type', 'text/plain', 'X-Twice', '1', 'X-Twice', '2']);
    res.end(`${req.method} ${req.url} HTTP/${req.httpVersion} ${JSON.stringify(req.headers)}`);
  },
  '/length': (req, res) => {
    res.setHeader('Content-Length', 5);
    res.write('12');
    res.end('345');
  },
  '/chunks': (req, res) => {
    res.write('one ');
    setTimeout(() => res.end('two'), 2);
  },
  '/gzip': (req, res) => {
    const brotli = /\bbr\b/.test(req.headers['accept-encoding']);
    res.writeHead(200, { 'Content-Encoding': brotli ? 'br' : 'gzip', Vary: 'Accept-Encoding' });
    pipeline(createReadStream(numbers), brotli ? createBrotliCompress() : createGzip(), res, () => {});
  },
  '/trailers': (req, res) => {
    res.writeHead(200, { Trailer: 'Content-MD5' });
    const hash = createHash('md5');
    req.on('data', (chunk) => hash.update(chunk) && res.write(chunk));
    req.on('end', () => {
      res.addTrailers({
        'Content-MD5': hash.digest('base64'),
        'X-Theirs': req.trailers['x-theirs'] ?? 'none',
      });
      res.end();
    });
  },
  '/hints': (req, res) => {
    res.writeEarlyHints({ link: ['</a.css>; rel=preload', '</b.js>; rel=preload'], 'x-trace': 'id' });
    res.end('hinted');
  },
  '/close': (req, res) => {
    res.setHeader('Connection', 'close');
    res.end('last');
  },
  '/not-modified': (req, res) => {
    res.writeHead(304, { ETag: '"one"' });
    res.end('never sent');
  },
  '/no-date': (req, res) => {
    res.sendDate = false;
    res.strictContentLength = true;
    res.setHeader('X-Ünicode'.replace('Ü', 'U'), 'caf\xe9');
    res.end(Buffer.from('bytes'));
  },
  '/socket': (req, res) => {
    const { remoteAddress, remoteFamily, encrypted = false, localAddress } = req.socket;
    res.end(JSON.stringify({ remoteAddress, remoteFamily, encrypted, localAddress }));
  },
};

export const server = http.createServer((req, res) => {
  const page = pages[new URL(req.url, 'http://any').pathname];
  if (page !== undefined) return page(req, res);
  res.statusCode = 404;
  res.end('no such page');
});

server.on('checkContinue', (req, res) => {
  if (req.headers['content-length'] > 100) {
    res.writeHead(417);
    return res.end();
  }
  res.writeContinue();
  res.writeProcessing();
  req.pipe(res);
});

if (import.meta.url === pathToFileURL(process.argv[1]).href) {
  server.listen(process.env.ANY_PORT ?? 3000, () => console.log(server.address().family));
  process.on('SIGTERM', () => server.close(() => process.exit(0)));
}
