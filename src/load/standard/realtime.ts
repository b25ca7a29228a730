import { constant } from '../arrival.ts';
import { defineLoad } from '../definition.ts';

/**
 * Realtime: 1,000 connections come in over 10 s; then 25 messages a second go out, one sender after another, and half way
 * a tenth of the clients loses its connection and comes back.
 *
 * Expects a WebSocket at `/ws` that hands each message on to somebody; give the number of receivers as `fanOut` in a load
 * file of your own to have lost messages counted.
 */
export default defineLoad({
  target: 'http://127.0.0.1:8080',
  arrival: constant('25/s').for('20s'),
  sockets: { path: '/ws', count: 1000, ramp: '10s', storms: [{ at: '10s', share: 0.1, within: '1s' }] },
  thresholds: {
    'latency{name:delivery}': ['avg<75'],
    'latency{name:reconnect}': ['p(95)<2500'],
    'errors{name:connect}': ['rate<0.01'],
  },
});
