/** Express 4 as its generator lays it out: CommonJS, one file that is a module and a program. */
'use strict';
const http = require('node:http');
const path = require('node:path');
const compression = require('compression');
const cookieSession = require('cookie-session');
const express = require('express4');
const multer = require('multer');

const files = path.join(__dirname, '../public');
const app = express();
app.use(compression());
app.use(cookieSession({ name: 'visitor', keys: ['secret'] }));
app.use(express.json());
app.use(express.urlencoded({ extended: true }));
app.use('/static', express.static(files));

const router = express.Router();
router.get('/', (req, res) => res.send('<!doctype html><title>Home</title><h1>Hello</h1>'));
router.get('/items/:id', (req, res) => {
  res.json({ params: req.params, query: req.query, ip: req.ip, url: req.originalUrl });
});
router.post('/json', (req, res) => res.status(201).json(req.body));
router.post('/form', (req, res) => res.json(req.body));
router.post('/upload', multer().single('file'), (req, res) => {
  res.json({ fields: req.body, name: req.file.originalname, size: req.file.size });
});
router.get('/old', (req, res) => res.redirect('/'));
router.get('/visits', (req, res) => {
  req.session.visits = (req.session.visits || 0) + 1;
  res.json({ visits: req.session.visits });
});
router.get('/file', (req, res) => res.sendFile(path.join(files, 'numbers.txt')));
router.get('/stream', (req, res) => {
  res.type('text/plain');
  let left = 5;
  const timer = setInterval(() => {
    res.write(`${left} left\n`);
    res.flush();
    if (--left > 0) return;
    clearInterval(timer);
    res.end();
  }, 2);
});
router.get('/error', (req, res, next) => next(new Error('on purpose')));
router.get('/thrown', () => {
  throw new Error('on purpose');
});
app.use(router);

module.exports = app;

if (require.main === module) {
  app.set('port', 3000);
  const server = http.createServer(app);
  server.listen(app.get('port'));
  server.on('listening', () => console.log(`port is ${typeof server.address().port}`));
}
