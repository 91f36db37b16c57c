/**
 * Plain Node loads this module before a program. The program's HTTP server gets a free port of the loopback instead of
 * the port that it requests. The module reports the port to the parent.
 */
import http from 'node:http';

const { listen } = http.Server.prototype;

http.Server.prototype.listen = function (...args) {
  const callback = args.findLast((arg) => typeof arg === 'function');
  this.once('listening', () => process.send?.({ port: this.address().port }));
  return listen.call(this, 0, '127.0.0.1', ...(callback === undefined ? [] : [callback]));
};
