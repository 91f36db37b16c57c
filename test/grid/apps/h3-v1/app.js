/** h3 version 1, on which Nitro 2 and Nuxt 3 stand. */
import {
  createApp,
  createError,
  createRouter,
  defineEventHandler,
  getQuery,
  getRouterParam,
  readBody,
  readMultipartFormData,
  sendRedirect,
  sendStream,
  setCookie,
  setResponseHeader,
  toNodeListener,
} from 'h3-v1';
import { Readable } from 'node:stream';

const app = createApp({ debug: false, onError: () => {} });
const router = createRouter();

router.get(
  '/',
  defineEventHandler((event) => {
    setResponseHeader(event, 'Content-Type', 'text/html');
    return '<!doctype html><title>Home</title><h1>Hello</h1>';
  }),
);
router.get(
  '/items/:id',
  defineEventHandler((event) => ({ id: getRouterParam(event, 'id'), query: getQuery(event) })),
);
router.post(
  '/json',
  defineEventHandler((event) => readBody(event)),
);
router.post(
  '/form',
  defineEventHandler((event) => readBody(event)),
);
router.post(
  '/upload',
  defineEventHandler(async (event) => {
    const parts = await readMultipartFormData(event);
    return parts.map(({ name, filename, data }) => [name, filename ?? null, data.length]);
  }),
);
router.get(
  '/old',
  defineEventHandler((event) => sendRedirect(event, '/')),
);
router.get(
  '/cookies',
  defineEventHandler((event) => {
    setCookie(event, 'one', '1');
    return 'set';
  }),
);
router.get(
  '/stream',
  defineEventHandler((event) => sendStream(event, Readable.from(['one ', 'two ', 'three']))),
);
router.get(
  '/error',
  defineEventHandler(() => {
    throw createError({ statusCode: 409, statusMessage: 'On Purpose', data: { why: 'a test' } });
  }),
);
app.use(router);

export default toNodeListener(app);
