/**
 * Loaded before a program that plain Node runs: whatever port its HTTP server asks for, it gets a free one of the
 * loopback, and tells its parent which.
 */
import http from 'node:http';

const { listen } = http.Server.prototype;

http.Server.prototype.listen = function (...args) {
  const callback = args.findLast((arg) => typeof arg === 'function');
  this.once('listening', () => process.send?.({ port: this.address().port }));
  return listen.call(this, 0, '127.0.0.1', ...(callback === undefined ? [] : [callback]));
};
