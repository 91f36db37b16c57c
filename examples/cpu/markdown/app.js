/**
 * A documentation page (docs/reference/tsgi.md of this repository), rendered from Markdown with coloured code. It is a fetch
 * handler of Hono.
 *
 *   npx tsgi-threads markdown/app.js
 *   node markdown/node.js
 *   curl http://127.0.0.1:8000/        (node.js listens on port 3000)
 */
import { readFileSync } from 'node:fs';
import highlight from 'highlight.js';
import { Hono } from 'hono';
import { Marked } from 'marked';
import { markedHighlight } from 'marked-highlight';

const text = readFileSync(new URL('../../../docs/reference/tsgi.md', import.meta.url), 'utf8');
const marked = new Marked(markedHighlight({ langPrefix: 'hljs language-', highlight: coloured }));

function coloured(code, language) {
  return highlight.highlight(code, { language: highlight.getLanguage(language) ? language : 'plaintext' })
    .value;
}

const app = new Hono();
app.get('/health', (context) => context.text('ok\n'));
app.get('/', async (context) =>
  context.html(`<!doctype html>\n<title>TSGI</title>\n${await marked.parse(text)}`),
);

export default app;
