/** A route's key, taken apart. */
export interface Pattern {
  /** As declared. */
  readonly text: string;
  /** Upper-case; undefined: every method. */
  readonly method: string | undefined;
  readonly segments: readonly Segment[];
  /** Names of path parameters, in order. */
  readonly params: readonly string[];
}

export type Segment =
  | { readonly kind: 'literal'; readonly text: string }
  /** One segment; `name` is undefined for `*`. */
  | { readonly kind: 'one'; readonly name: string | undefined }
  /** None or more segments; always the last. */
  | { readonly kind: 'rest' };

/** Why a text is no pattern. */
export interface PatternFault {
  readonly message: string;
  readonly fix?: string;
}

const METHODS = ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS'];

/** Reads `'/api/**'`, `'/electricity-plans/:city'` or `'POST /login'`. */
export function parsePattern(text: string): Pattern | PatternFault {
  const space = text.indexOf(' ');
  const method = space === -1 ? undefined : text.slice(0, space);
  const path = text.slice(space + 1);
  if (method !== undefined && !METHODS.includes(method))
    return { message: `'${method}' is not a method that a route can name`, fix: `allowed: ${METHODS.join(', ')}` };
  if (!path.startsWith('/')) return { message: `a pattern starts with '/'`, fix: `write '/${path}'` };
  if (/[?#]/.test(path))
    return { message: 'a pattern is a path, without query or fragment', fix: 'name query parameters in `query`' };
  const names = trimSlash(path).split('/').slice(1);
  const segments: Segment[] = [];
  for (const [at, name] of names.entries()) {
    const segment = parseSegment(name, at === names.length - 1);
    if ('message' in segment) return segment;
    segments.push(segment);
  }
  const params = segments.flatMap((segment) => (segment.kind === 'one' && segment.name !== undefined ? [segment.name] : []));
  const twice = params.find((name, at) => params.indexOf(name) !== at);
  if (twice !== undefined) return { message: `the parameter ':${twice}' occurs twice` };
  return { text, method, segments, params };
}

function parseSegment(text: string, isLast: boolean): Segment | PatternFault {
  if (text === '' && !isLast) return { message: `a pattern has no empty segment ('//')` };
  if (text === '**')
    return isLast ? { kind: 'rest' } : { message: `'**' stands only at the end`, fix: `'*' stands for one segment` };
  if (text === '*') return { kind: 'one', name: undefined };
  if (text.startsWith(':')) {
    const name = text.slice(1);
    return /^[A-Za-z]\w*$/.test(name)
      ? { kind: 'one', name }
      : { message: `':${name}' is not a parameter`, fix: `a name has letters, digits and '_': ':city'` };
  }
  if (/[:*]/.test(text))
    return { message: `'${text}' mixes text with a parameter or '*'`, fix: `':name', '*' and '**' stand for whole segments` };
  return { kind: 'literal', text: encodeLiteral(text) };
}

/** Patterns of one shape match the same paths: `/a/:x` and `/a/:y`. */
export function shapeOf(pattern: Pattern): string {
  const path = pattern.segments.map((segment) =>
    segment.kind === 'literal' ? segment.text : segment.kind === 'one' ? ':' : '**',
  );
  return `${pattern.method ?? '*'} /${path.join('/')}`;
}

/** `/about/` → `/about`; `/` stays. */
export function trimSlash(path: string): string {
  return path.length > 1 && path.endsWith('/') ? path.slice(0, -1) : path;
}

/** The spelling that a normalised path has: percent-encoding only where it is needed, in upper case. */
function encodeLiteral(text: string): string {
  try {
    return encodeURI(decodeURI(text));
  } catch {
    return encodeURI(text);
  }
}
