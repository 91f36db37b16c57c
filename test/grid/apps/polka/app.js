/** Polka. */
import polka from 'polka';

const app = polka();
app.use((req, res, next) => next(req.url === '/error' ? new Error('on purpose') : undefined));
app.get('/', (req, res) => {
  res.setHeader('Content-Type', 'text/html');
  res.end('<!doctype html><title>Home</title><h1>Hello</h1>');
});
app.get('/items/:id', (req, res) => res.end(JSON.stringify({ params: req.params, query: req.query })));
app.post('/json', async (req, res) => {
  let text = '';
  for await (const chunk of req) text += chunk;
  res.writeHead(201, { 'Content-Type': 'application/json' });
  res.end(text);
});

export default app;
