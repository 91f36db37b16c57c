/**
 * The server of the comparison, in the form of an exported application.
 */
import { bodies } from './bodies.ts';
import type { Cases } from './case.ts';
import { early } from './early.ts';
import { ends } from './ends.ts';
import { heads } from './heads.ts';
import { interim } from './interim.ts';
import { requests } from './requests.ts';
import { sockets } from './sockets.ts';
import { uploads } from './uploads.ts';
import { hostOf } from './host.ts';

export const cases: Cases = {
  ...heads,
  ...bodies,
  ...requests,
  ...interim,
  ...uploads,
  ...early,
  ...ends,
  ...sockets,
};

export default hostOf(cases);
