/** Koa with its router and middleware. */
import { setTimeout as wait } from 'node:timers/promises';
import { Readable } from 'node:stream';
import { fileURLToPath } from 'node:url';
import { bodyParser } from '@koa/bodyparser';
import Router from '@koa/router';
import Koa from 'koa';
import compress from 'koa-compress';
import serve from 'koa-static';

const app = new Koa({ keys: ['secret'] });
const router = new Router();
// Its failures are looked at by their answers.
app.silent = true;

router.get('/', (ctx) => {
  ctx.body = `<!doctype html><title>Home</title><h1>Hello from ${ctx.origin}</h1>`;
});
router.get('/items/:id', (ctx) => {
  const { ip, params, query } = ctx;
  ctx.body = { ip, params, query, accepts: ctx.accepts('html', 'json') };
});
router.post('/json', (ctx) => {
  ctx.status = 201;
  ctx.body = ctx.request.body;
});
router.post('/form', (ctx) => {
  ctx.body = ctx.request.body;
});
router.get('/old', (ctx) => ctx.redirect('/'));
router.get('/cookies', (ctx) => {
  const visits = Number(ctx.cookies.get('visits', { signed: true }) ?? 0) + 1;
  ctx.cookies.set('visits', String(visits), { signed: true });
  ctx.body = { visits };
});
router.get('/stream', (ctx) => {
  ctx.type = 'text/plain';
  ctx.body = Readable.from(lines());
});
router.get('/web-stream', (ctx) => {
  ctx.body = new Blob(['a blob']);
});
router.get('/nothing', (ctx) => {
  ctx.body = null;
});
router.get('/fresh', (ctx) => {
  ctx.status = 200;
  ctx.etag = 'one';
  if (ctx.fresh) ctx.status = 304;
  else ctx.body = 'fresh';
});
router.get('/error', () => {
  throw new Error('on purpose');
});
router.get('/teapot', (ctx) => ctx.throw(418, 'short and stout', { headers: { 'X-Pot': '1' } }));

app.use(compress({ threshold: 1024 }));
app.use(bodyParser());
app.use(router.routes()).use(router.allowedMethods());
app.use(serve(fileURLToPath(new URL('../public', import.meta.url)), { maxage: 1000 }));

export default app;

async function* lines() {
  for (let i = 0; i < 5; i++) {
    yield `line ${i}\n`;
    await wait(2);
  }
}
