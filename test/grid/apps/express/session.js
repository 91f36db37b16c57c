/** Sessions on disk: every worker, and every process, finds them there. */
import { readFile, rm, writeFile } from 'node:fs/promises';
import expressSession from 'express-session';

class FileStore extends expressSession.Store {
  get(id, done) {
    readFile(`session-${id}.json`, 'utf8').then(
      (text) => done(null, JSON.parse(text)),
      () => done(null, null),
    );
  }

  set(id, session, done) {
    writeFile(`session-${id}.json`, JSON.stringify(session)).then(() => done(null), done);
  }

  destroy(id, done) {
    rm(`session-${id}.json`, { force: true }).then(() => done(null), done);
  }
}

let made = 0;

export const session = expressSession({
  secret: 'secret',
  resave: false,
  saveUninitialized: true,
  store: new FileStore(),
  genid: () => `visitor-${++made}`,
});
