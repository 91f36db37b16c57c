/**
 * The page that a worker serves in place of an application that does not load: it shows the error.
 *
 * Law: for development only; an operator reads the log.
 */
import type { Application } from '../../tsgi/types.ts';

const ESCAPES: Readonly<Record<string, string>> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;' };

/** Answers every request with 500 and the problem: as a page for a browser, as text for any other client. */
export function problemPage(problem: string): Application {
  return (environ, startResponse) => {
    const isBrowser = (environ.HTTP_ACCEPT ?? '').includes('text/html');
    const type = isBrowser ? 'text/html; charset=utf-8' : 'text/plain; charset=utf-8';
    startResponse(500, [
      ['content-type', type],
      ['cache-control', 'no-store'],
    ]);
    return isBrowser ? page(problem) : `${problem}\n`;
  };
}

function page(problem: string): string {
  const escaped = problem.replace(/[&<>"]/g, (character) => ESCAPES[character]!);
  return `<!doctype html>
<title>The application does not load</title>
<style>body{font:16px system-ui;margin:3rem}pre{background:#fee;padding:1rem;white-space:pre-wrap}</style>
<h1>The application does not load</h1>
<pre>${escaped}</pre>
<p>tsgi-threads loads it again when a file changes. Reload this page then.</p>
`;
}
