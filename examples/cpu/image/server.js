/**
 * Thumbnails: reads a JPEG, makes it smaller and writes a JPEG, in JavaScript alone. This node:http server calls
 * `listen` itself.
 *
 *   npx tsgi-threads image/server.js
 *   node image/server.js
 *   curl -o thumbnail.jpg 'http://127.0.0.1:3000/photo.jpg?width=320'
 */
import { createServer } from 'node:http';
import { Jimp } from 'jimp';
import { drawPhoto } from './photo.js';

const MAX_WIDTH = 800;
const photo = await drawPhoto();

async function thumbnail(width) {
  const image = await Jimp.read(photo);
  image.resize({ w: width });
  return image.getBuffer('image/jpeg', { quality: 80 });
}

const server = createServer(async (request, response) => {
  const { pathname, searchParams } = new URL(request.url, 'http://localhost');
  if (pathname === '/health') {
    response.end('ok\n');
    return;
  }
  const width = Number(searchParams.get('width') ?? 320);
  if (pathname !== '/photo.jpg' || !(width >= 1 && width <= MAX_WIDTH)) {
    response.writeHead(404).end(`Try /photo.jpg?width=320, at most ${MAX_WIDTH}\n`);
    return;
  }
  try {
    const bytes = await thumbnail(Math.round(width));
    response.writeHead(200, { 'content-type': 'image/jpeg', 'content-length': bytes.length });
    response.end(bytes);
  } catch (error) {
    console.error(error);
    response.writeHead(500).end();
  }
});

server.listen(process.env.PORT ?? 3000, () => {
  console.log(`Images on http://127.0.0.1:${server.address().port}`);
});
