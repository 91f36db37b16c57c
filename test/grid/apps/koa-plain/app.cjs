/** Koa alone, in CommonJS. */
'use strict';
const { createReadStream } = require('node:fs');
const path = require('node:path');
const Koa = require('koa');

const app = new Koa();
app.silent = true;

app.use(async (ctx, next) => {
  await next();
  ctx.set('X-Response-For', ctx.path);
});
app.use(async (ctx) => {
  switch (`${ctx.method} ${ctx.path}`) {
    case 'HEAD /':
    case 'GET /':
      ctx.body = '<!doctype html><title>Home</title><h1>Hello</h1>';
      break;
    case 'GET /items/7':
      ctx.body = { path: ctx.path, query: ctx.query, host: ctx.host };
      break;
    case 'POST /json': {
      let text = '';
      for await (const chunk of ctx.req) text += chunk;
      ctx.body = JSON.parse(text);
      break;
    }
    case 'GET /old':
      ctx.redirect('/');
      break;
    case 'GET /stream':
      ctx.type = 'text/plain';
      ctx.body = createReadStream(path.join(__dirname, '../public/numbers.txt'));
      break;
    case 'GET /cookies':
      ctx.cookies.set('one', '1');
      ctx.cookies.set('two', '2', { maxAge: 0 });
      ctx.body = { one: ctx.cookies.get('one') ?? null };
      break;
    case 'GET /error':
      throw new Error('on purpose');
  }
});

module.exports = app;

if (require.main === module) app.listen(3000);
