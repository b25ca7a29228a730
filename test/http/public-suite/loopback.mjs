// Preloaded into the suite's origin server, which listens on every address: a test server listens on loopback only.
import { Server } from 'node:net';

const listen = Server.prototype.listen;
Server.prototype.listen = function (port, ...rest) {
  return typeof port === 'object' || typeof port === 'function'
    ? listen.call(this, port, ...rest)
    : listen.call(this, Number(port), '127.0.0.1', ...rest);
};
