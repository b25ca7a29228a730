type Token = '*' | ((char: string) => boolean);

/**
 * A test for Redis' glob patterns: `*` any text, `?` one character, `[abc]` and `[^a-c]` one of a set, `\` makes the next
 * character plain. A pattern matches the whole key. Takes at most key × pattern steps, whatever the pattern.
 */
export function globTest(pattern: string): (key: string) => boolean {
  const literal = /^[^*?[\\]*/.exec(pattern)![0];
  if (literal === pattern) return (key) => key === pattern;
  if (pattern === `${literal}*`) return (key) => key.startsWith(literal);
  const tokens = tokensOf(pattern);
  return (key) => key.startsWith(literal) && matches(key, tokens);
}

/** Walks both once, going back only to the latest star: an earlier one never needs to take more. */
function matches(key: string, tokens: readonly Token[]): boolean {
  let at = 0;
  let token = 0;
  let star = -1;
  let starAt = 0;
  while (at < key.length) {
    const test = tokens[token];
    if (test === '*') {
      star = token++;
      starAt = at;
    } else if (test?.(key[at]!)) {
      at++;
      token++;
    } else if (star !== -1) {
      token = star + 1;
      at = ++starAt;
    } else return false;
  }
  while (tokens[token] === '*') token++;
  return token === tokens.length;
}

function tokensOf(pattern: string): Token[] {
  const tokens: Token[] = [];
  for (let at = 0; at < pattern.length; at++) {
    const char = pattern[at]!;
    if (char === '*') tokens.push('*');
    else if (char === '?') tokens.push(() => true);
    else if (char === '\\' && at + 1 < pattern.length) tokens.push(plain(pattern[++at]!));
    else if (char === '[') {
      const end = endOfSet(pattern, at);
      tokens.push(setTest(pattern.slice(at + 1, end)));
      at = end;
    } else tokens.push(plain(char));
  }
  return tokens;
}

function plain(expected: string): (char: string) => boolean {
  return (char) => char === expected;
}

/** As Redis has it, a set that is not closed reaches to the end of the pattern. */
function endOfSet(pattern: string, start: number): number {
  for (let at = start + 1; at < pattern.length; at++) {
    if (pattern[at] === '\\') at++;
    else if (pattern[at] === ']') return at;
  }
  return pattern.length;
}

function setTest(set: string): (char: string) => boolean {
  const negated = set.startsWith('^');
  const ranges: [string, string][] = [];
  for (let at = negated ? 1 : 0; at < set.length; at++) {
    if (set[at] === '\\' && at + 1 < set.length) at++;
    else if (set[at + 1] === '-' && at + 2 < set.length) {
      const [low, high] = [set[at]!, set[at + 2]!].toSorted() as [string, string];
      ranges.push([low, high]);
      at += 2;
      continue;
    }
    ranges.push([set[at]!, set[at]!]);
  }
  return (char) => ranges.some(([low, high]) => char >= low && char <= high) !== negated;
}
