/**
 * The requests that the grid sends to its applications.
 *
 * Law: data. A request is what a client sends. `headers` may be a function of the responses so far, by the name of
 * their request. A body that is an array is sent in chunks.
 */

const BOUNDARY = 'grid-boundary';

export function get(path, headers = {}, name = '') {
  return { name: `GET ${path}${name && `, ${name}`}`, path, headers };
}

export function head(path, headers = {}) {
  return { name: `HEAD ${path}`, method: 'HEAD', path, headers };
}

/** A request with only a method and a host. */
export function bare(method, path, headers = {}) {
  return { name: `${method} ${path}`, method, path, headers };
}

/** @param {string | string[] | Buffer | Buffer[]} body */
export function send(method, path, type, body, name = '') {
  const headers = type === '' ? {} : { 'Content-Type': type };
  return { name: `${method} ${path}${name && `, ${name}`}`, method, path, headers, body };
}

export function post(path, type, body, name = '') {
  return send('POST', path, type, body, name);
}

export function json(path, value, name = 'JSON', method = 'POST') {
  return send(method, path, 'application/json', JSON.stringify(value), name);
}

export function form(path, fields = 'a=1&b=two+words&b=%C3%A9') {
  return post(path, 'application/x-www-form-urlencoded', fields, 'form');
}

/** A form with a text field and a file. */
export function upload(path, bytes = 50_000, { fields = 'title=With a file', name = 'upload' } = {}) {
  const text = fields.split('&').map((field) => {
    const [key, value] = field.split('=');
    return `--${BOUNDARY}\r\nContent-Disposition: form-data; name="${key}"\r\n\r\n${value}\r\n`;
  });
  const file = `--${BOUNDARY}\r\nContent-Disposition: form-data; name="file"; filename="a.bin"\r\nContent-Type: application/octet-stream\r\n\r\n`;
  const body = [...text, file, Buffer.alloc(bytes, 'x'), `\r\n--${BOUNDARY}--\r\n`].map((part) =>
    Buffer.from(part),
  );
  return post(path, `multipart/form-data; boundary=${BOUNDARY}`, Buffer.concat(body), name);
}

/** The same request with the cookie that an earlier response set. */
export function withCookies(path, from, name = 'with its cookies') {
  const headers = (answers) => ({
    Cookie: fields(answers.get(from), 'set-cookie')
      .map((value) => value.split(';')[0])
      .join('; '),
  });
  return { name: `GET ${path}, ${name}`, path, headers };
}

/** The conditional request of a client that has the page. */
export function conditional(path, from = `GET ${path}`) {
  const headers = (answers) => ({ 'If-None-Match': fields(answers.get(from), 'etag')[0] ?? '"none"' });
  return { name: `GET ${path}, if it has changed`, path, headers };
}

function fields(answer, wanted) {
  return (answer?.headers ?? [])
    .filter((field) => field.toLowerCase().startsWith(`${wanted}:`))
    .map((field) => field.slice(field.indexOf(':') + 2));
}

const BROWSER = {
  'User-Agent': 'grid/1',
  Accept: 'text/html,*/*;q=0.8',
  'Accept-Encoding': 'gzip, deflate, br',
  'X-Forwarded-For': '203.0.113.7, 10.0.0.1',
  'X-Forwarded-Proto': 'https',
};

/** The requests for every framework: two pages, a missing page, and other methods. */
export function basics(page = '/items/7?q=a%20b&tag=x&tag=y') {
  return [
    get('/'),
    get(page),
    get('/', BROWSER, 'as a browser'),
    get(page, BROWSER, 'as a browser'),
    head('/'),
    get('/missing'),
    bare('DELETE', '/missing'),
    bare('OPTIONS', '/'),
    { name: 'GET /, HTTP/1.0', path: '/', version: '1.0' },
    get('/', { Connection: 'close' }, 'closing'),
  ];
}

/** A file of 108 890 bytes, and the requests that clients send to file servers. */
export function files(path) {
  return [
    get(path),
    head(path),
    conditional(path),
    get(path, { Range: 'bytes=100-199' }, 'a range'),
    get(path, { Range: 'bytes=-10' }, 'the last bytes'),
    get(path, { Range: 'bytes=999999-' }, 'a range that is not there'),
    get(path, { 'If-Modified-Since': 'Fri, 01 Jan 2100 00:00:00 GMT' }, 'if it is newer'),
    get(path, { 'Accept-Encoding': 'gzip, br' }, 'compressed'),
  ];
}
