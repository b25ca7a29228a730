import { createHash } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { gzipSync } from 'node:zlib';
import { DASHBOARD_FILES } from './dashboard.generated.ts';

interface ServedFile {
  readonly type: string;
  readonly etag: string;
  readonly plain: Buffer;
  readonly gzipped: Buffer;
}

const TYPES: Readonly<Record<string, string>> = {
  html: 'text/html; charset=utf-8',
  js: 'text/javascript; charset=utf-8',
  css: 'text/css; charset=utf-8',
  svg: 'image/svg+xml',
};

/** The dashboard's files. They hold no data, so that a browser can load the page and ask for the token there. */
export class DashboardFiles {
  readonly #files = new Map<string, ServedFile>();

  /** Answers when `path` is one of the files; otherwise does nothing and returns false. */
  serve(path: string, request: IncomingMessage, response: ServerResponse): boolean {
    const name = path === '/' ? 'index.html' : path.slice(1);
    const text = Object.hasOwn(DASHBOARD_FILES, name) ? DASHBOARD_FILES[name as keyof typeof DASHBOARD_FILES] : undefined;
    if (text === undefined) return false;
    let file = this.#files.get(name);
    if (!file) this.#files.set(name, (file = prepare(name, text)));
    this.#send(file, request, response);
    return true;
  }

  #send(file: ServedFile, request: IncomingMessage, response: ServerResponse): void {
    const headers = { 'content-type': file.type, etag: file.etag, 'cache-control': 'no-cache', vary: 'accept-encoding' };
    if (request.headers['if-none-match'] === file.etag) return void response.writeHead(304, headers).end();
    const gzip = /\bgzip\b/.test(String(request.headers['accept-encoding'] ?? ''));
    const body = gzip ? file.gzipped : file.plain;
    response.writeHead(200, { ...headers, ...(gzip ? { 'content-encoding': 'gzip' } : {}), 'content-length': body.length });
    response.end(request.method === 'HEAD' ? undefined : body);
  }
}

function prepare(name: string, text: string): ServedFile {
  const plain = Buffer.from(text);
  const etag = `"${createHash('sha256').update(plain).digest('base64url').slice(0, 16)}"`;
  return { type: TYPES[name.split('.').at(-1)!]!, etag, plain, gzipped: gzipSync(plain, { level: 9 }) };
}
