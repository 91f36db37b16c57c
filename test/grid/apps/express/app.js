/** Express 5 with the middleware that most applications have. */
import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { setTimeout as wait } from 'node:timers/promises';
import { pipeline } from 'node:stream/promises';
import { fileURLToPath } from 'node:url';
import { createGzip } from 'node:zlib';
import compression from 'compression';
import cookieParser from 'cookie-parser';
import express from 'express';
import multer from 'multer';
import { session } from './session.js';

const files = fileURLToPath(new URL('../public', import.meta.url));
const app = express();
const upload = multer({ limits: { fileSize: 100_000 } });

app.set('trust proxy', true);
app.use(cookieParser('secret'));
app.use('/static', express.static(files, { maxAge: '1h' }));
app.use('/packed', compression(), express.static(files));

app.get('/', (req, res) => {
  res.send(`<!doctype html><title>Home</title><h1>Hello from ${req.protocol}://${req.host}</h1>`);
});
app.get('/items/:id', (req, res) => {
  const { ip, ips, params, query, secure, xhr } = req;
  res.json({ ip, ips, params, query, secure, xhr, accepts: req.accepts(['html', 'json']) });
});
app.post('/json', express.json(), (req, res) => res.status(201).json(req.body));
app.post('/form', express.urlencoded(), (req, res) => res.json(req.body));
app.post('/text', express.text(), (req, res) => res.type('text').send(req.body));
app.post('/raw', express.raw({ limit: '3mb' }), (req, res) => {
  res.json({ bytes: req.body.length, sha256: createHash('sha256').update(req.body).digest('hex') });
});
app.post('/upload', upload.any(), (req, res) => {
  res.json({
    fields: req.body,
    files: req.files.map(({ fieldname, originalname, mimetype, size }) => ({
      fieldname,
      originalname,
      mimetype,
      size,
    })),
  });
});
app.get('/old', (req, res) => res.redirect(301, '/items/1'));
app.get('/cookies', (req, res) => {
  res.cookie('plain', 'a b', { httpOnly: true });
  res.cookie('signed', 'c', { signed: true, path: '/' });
  res.json({ plain: req.cookies, signed: req.signedCookies });
});
app.get('/visits', session, (req, res) => {
  req.session.visits = (req.session.visits ?? 0) + 1;
  res.json({ visits: req.session.visits });
});
app.get('/file', (req, res) => res.sendFile('numbers.txt', { root: files }));
app.get('/download', (req, res) => res.download(`${files}/style.css`, 'täglich.css'));
app.get('/stream', async (req, res) => {
  res.type('text/plain');
  for (let i = 0; i < 5; i++) {
    res.write(`line ${i}\n`);
    await wait(2);
  }
  res.end();
});
app.get('/events', async (req, res) => {
  res.set({ 'Content-Type': 'text/event-stream', 'Cache-Control': 'no-store' });
  res.flushHeaders();
  for (let i = 0; i < 3; i++) {
    res.write(`id: ${i}\ndata: tick\n\n`);
    await wait(2);
  }
  res.end();
});
app.get('/gzip', async (req, res) => {
  res.set('Content-Encoding', 'gzip');
  await pipeline(createReadStream(`${files}/numbers.txt`), createGzip(), res);
});
app.get('/hints', (req, res) => {
  res.writeEarlyHints({ link: '</style.css>; rel=preload; as=style' });
  res.send('with hints');
});
app.get('/trailers', (req, res) => {
  res.writeHead(200, 'Fine', { Trailer: 'X-Sum', X_Underlined: '1' });
  res.write('body');
  res.addTrailers({ 'X-Sum': '841a2d68' });
  res.end();
});
app.get('/nothing', (req, res) => res.sendStatus(204));
app.get('/error', () => {
  throw new Error('on purpose');
});
app.get('/rejection', async () => {
  await wait(1);
  throw Object.assign(new Error('later'), { status: 418 });
});
app.get('/format', (req, res) => {
  res.format({ html: () => res.send('<p>html</p>'), json: () => res.json({ json: true }) });
});

export default app;
