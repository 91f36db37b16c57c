/** connect with middleware that wraps a response's methods. */
'use strict';
const path = require('node:path');
const compression = require('compression');
const connect = require('connect');
const cookieSession = require('cookie-session');
const serveStatic = require('serve-static');

const app = connect();
app.use(compression({ threshold: 0 }));
app.use(cookieSession({ keys: ['secret'] }));
app.use('/static', serveStatic(path.join(__dirname, '../public')));
app.use('/items', (req, res) => {
  res.setHeader('Content-Type', 'application/json');
  res.end(JSON.stringify({ url: req.url, original: req.originalUrl, address: req.socket.remoteAddress }));
});
app.use('/visits', (req, res) => {
  req.session.visits = (req.session.visits || 0) + 1;
  res.end(`visit ${req.session.visits}`);
});
app.use('/json', (req, res) => {
  const chunks = [];
  req.on('data', (chunk) => chunks.push(chunk));
  req.on('end', () => {
    res.statusCode = 201;
    res.statusMessage = 'Made';
    res.end(Buffer.concat(chunks));
  });
});
app.use('/stream', (req, res) => {
  res.setHeader('Content-Type', 'text/plain');
  res.write('one\n');
  setTimeout(() => {
    res.write('two\n');
    res.flush();
    res.end('three\n');
  }, 2);
});
app.use('/echo', (req, res) => req.pipe(res));
app.use('/error', () => {
  throw new Error('on purpose');
});
app.use((req, res, next) => {
  if (req.url !== '/') return next();
  res.setHeader('Content-Type', 'text/html');
  res.end('<!doctype html><title>Home</title><h1>Hello</h1>');
});

module.exports = app;

if (require.main === module) app.listen(3000);
