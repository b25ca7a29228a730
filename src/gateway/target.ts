/** A request target in its parts, or why it is refused. */
export type Target =
  | { readonly ok: true; readonly path: string; readonly query: string; readonly authority: string | undefined }
  | { readonly ok: false; readonly reason: string };

// Nothing in it could be written in another way, apart from dot segments.
const PLAIN_PATH = /^\/[A-Za-z0-9\-_~!$&'()*+,;=:@/.]*$/;
const CONTROL_OR_SPACE = /[\0-\x20\x7f]/;
const BAD_ESCAPE = /%(?![0-9A-Fa-f]{2})/;

/**
 * Reads a request target (RFC 9112 §3.2) and brings its path into the one form every layer sees: dot segments resolved,
 * `%41` written `A`, `%2f` written `%2F` and kept, bytes outside ASCII percent-encoded (RFC 3986 §6.2.2). Two spellings
 * of a path can so never be two cache keys, nor slip past a rule written for the other one.
 */
export function parseTarget(target: string): Target {
  if (target.charCodeAt(0) === 0x2f) return originForm(target, undefined);
  const absolute = /^https?:\/\/([^/?#@\\]+)((?:[/?].*)?)$/i.exec(target);
  if (!absolute) return { ok: false, reason: 'the request target is neither a path nor an absolute http URL' };
  const rest = absolute[2]!;
  return originForm(rest.startsWith('/') ? rest : `/${rest}`, absolute[1]!.toLowerCase());
}

function originForm(target: string, authority: string | undefined): Target {
  if (CONTROL_OR_SPACE.test(target)) return { ok: false, reason: 'the request target holds a control character' };
  if (target.includes('#')) return { ok: false, reason: 'the request target holds a fragment' };
  const mark = target.indexOf('?');
  const rawPath = mark === -1 ? target : target.slice(0, mark);
  const query = mark === -1 ? '' : target.slice(mark + 1);
  if (PLAIN_PATH.test(rawPath) && !rawPath.includes('/.')) return { ok: true, path: rawPath, query, authority };
  if (rawPath.includes('\\')) return { ok: false, reason: 'the path holds a backslash' };
  if (BAD_ESCAPE.test(rawPath)) return { ok: false, reason: 'the path holds a % that escapes nothing' };
  if (/%(?:0[0-9a-f]|1[0-9a-f]|7f)/i.test(rawPath)) return { ok: false, reason: 'the path holds an escaped control character' };
  return { ok: true, path: removeDotSegments(normaliseEscapes(rawPath)), query, authority };
}

function normaliseEscapes(path: string): string {
  return path
    .replaceAll(/%([0-9A-Fa-f]{2})/g, (_, hex: string) => {
      const char = String.fromCharCode(Number.parseInt(hex, 16));
      return /[A-Za-z0-9\-._~]/.test(char) ? char : `%${hex.toUpperCase()}`;
    })
    .replaceAll(/[^\x21-\x7e]|["<>^`{|}]/g, (char) => `%${char.charCodeAt(0).toString(16).toUpperCase().padStart(2, '0')}`);
}

/** RFC 3986 §5.2.4 for an absolute path. */
function removeDotSegments(path: string): string {
  const kept: string[] = [];
  const segments = path.split('/').slice(1);
  for (const [at, segment] of segments.entries()) {
    const last = at === segments.length - 1;
    if (segment === '.' || segment === '..') {
      if (segment === '..') kept.pop();
      if (last) kept.push('');
    } else kept.push(segment);
  }
  return `/${kept.join('/')}`;
}

const AUTHORITY = /^(?:[A-Za-z0-9\-._~!$&'()*+,;=%]+|\[[0-9A-Fa-f:.]+\])(?::(\d{1,5}))?$/;

/** The host in lower case, its port dropped when it is the scheme's own; undefined when it is no host. */
export function normaliseAuthority(host: string, scheme: 'http' | 'https'): string | undefined {
  const match = AUTHORITY.exec(host);
  if (!match) return undefined;
  const lower = host.toLowerCase();
  return match[1] === (scheme === 'http' ? '80' : '443') ? lower.slice(0, -match[1].length - 1) : lower;
}
