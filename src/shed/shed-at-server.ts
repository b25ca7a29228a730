import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import { refuseShed } from './refusal.ts';
import type { AdmissionRequest, Shedder } from './shed.ts';

type Listener = (request: IncomingMessage, response: ServerResponse) => void;

/**
 * Refuses requests of an HTTP server before its framework sees them: far beyond capacity, what a refusal costs is what
 * is missing from the answers. Call it when the framework has taken the server, and before it listens.
 * @param describe what is known of a request by its head; undefined: always let it through.
 * @returns puts the server back as it was.
 */
export function shedAtServer(
  server: Server,
  shedder: Shedder,
  describe: (request: IncomingMessage) => AdmissionRequest | undefined,
): () => void {
  const listeners = server.listeners('request') as Listener[];
  const guard: Listener = (request, response) => {
    shedder.turn();
    const asked = describe(request);
    const admission = asked && shedder.admit(asked);
    if (admission?.admitted === false) return refuseShed(admission, { method: request.method!, response });
    for (const listener of listeners) listener.call(server, request, response);
  };
  server.removeAllListeners('request');
  server.on('request', guard);
  return () => {
    server.off('request', guard);
    for (const listener of listeners) server.on('request', listener);
  };
}
