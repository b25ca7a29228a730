/** Where in a config file each value is declared. */
export interface SourceLines {
  /** 1-based line of the value at `path`, or of the nearest enclosing one that can be found; undefined when none can. */
  lineOf(path: readonly PropertyKey[]): number | undefined;
  /** The text of a line, without indentation. */
  textOf(line: number): string;
}

/** An object or array literal as it stands in the source: its line and the places of its members. */
interface Literal {
  readonly line: number;
  readonly members: Map<string, Member>;
}

interface Member {
  readonly line: number;
  /** What the member is, when that is a literal; or the name of a constant that may be one. */
  readonly value: Literal | string | undefined;
}

interface Token {
  readonly kind: 'name' | 'text' | 'number' | 'sign';
  /** Name, text without quotes, or sign. */
  readonly text: string;
  readonly line: number;
}

/**
 * Finds the lines of a config's values in its source (TypeScript, JavaScript or JSON) by reading object and array
 * literals, without evaluating anything. Constants of the same file are followed by name; what is computed in another
 * way has the line of the member it is given to.
 */
export function createSourceLines(source: string): SourceLines {
  const lines = source.split('\n');
  const reader = new LiteralReader(tokenize(source));
  const root = reader.readRoot();
  const resolve = (value: Member['value']): Literal | undefined =>
    typeof value === 'string' ? reader.constants.get(value) : value;
  return {
    lineOf(path) {
      let at = root;
      let line = root?.line;
      for (const key of path) {
        const member = at?.members.get(String(key));
        if (!member) return line;
        line = member.line;
        at = resolve(member.value);
      }
      return line;
    },
    textOf: (line) => lines[line - 1]?.trim() ?? '',
  };
}

const TOKEN =
  /(?<skip>\s+|\/\/.*|\/\*[\s\S]*?\*\/)|(?<name>[A-Za-z_$][\w$]*)|(?<number>\d[\w.]*)|(?<text>'(?:\\.|[^'\\\n])*'|"(?:\\.|[^"\\\n])*"|`(?:\\.|[^`\\])*`)|(?<sign>=>|\.\.\.|[\s\S])/gy;

function tokenize(source: string): Token[] {
  const tokens: Token[] = [];
  let line = 1;
  for (const match of source.matchAll(TOKEN)) {
    const { skip, name, number, text, sign } = match.groups!;
    if (name !== undefined) tokens.push({ kind: 'name', text: name, line });
    else if (number !== undefined) tokens.push({ kind: 'number', text: number, line });
    else if (text !== undefined) tokens.push({ kind: 'text', text: unquote(text), line });
    else if (sign !== undefined) tokens.push({ kind: 'sign', text: sign, line });
    line += (skip ?? text ?? '').split('\n').length - 1;
  }
  return tokens;
}

function unquote(text: string): string {
  return text.slice(1, -1).replaceAll(/\\(.)/g, '$1');
}

const OPENS = new Map([
  ['{', '}'],
  ['[', ']'],
  ['(', ')'],
]);

class LiteralReader {
  /** Literals given to `const name = …`, by name. */
  readonly constants = new Map<string, Literal>();
  readonly #tokens: readonly Token[];
  #at = 0;

  constructor(tokens: readonly Token[]) {
    this.#tokens = tokens;
  }

  /** The literal that the file exports: after `export default`, in `module.exports =`, or the whole of a JSON file. */
  readRoot(): Literal | undefined {
    let root: Member['value'];
    while (this.#at < this.#tokens.length) {
      if (this.#skip('const') || this.#skip('let') || this.#skip('var')) this.#readConstant();
      else if (this.#skip('export', 'default') || this.#skip('module', '.', 'exports', '=')) root = this.#readValue();
      else if (this.#at === 0 && this.#is('{')) root = this.#readValue();
      else this.#at++;
    }
    return typeof root === 'string' ? this.constants.get(root) : root;
  }

  #readConstant(): void {
    const name = this.#tokens[this.#at];
    if (name?.kind !== 'name') return;
    while (this.#at < this.#tokens.length && !this.#is('=') && !this.#is(';')) this.#at++;
    if (!this.#skip('=')) return;
    const value = this.#readValue();
    if (value !== undefined && typeof value !== 'string') this.constants.set(name.text, value);
  }

  /**
   * A literal, the argument of a call such as `defineConfig({ … })`, or a name. Anything else is read past, up to the
   * comma, bracket or semicolon that ends it, and counts as unknown.
   */
  #readValue(): Member['value'] {
    let value: Member['value'];
    if (this.#is('{')) value = this.#readObject();
    else if (this.#is('[')) value = this.#readArray();
    else if (this.#tokens[this.#at]?.kind === 'name') {
      const name = this.#tokens[this.#at++]!.text;
      value = name;
      if (this.#skip('(')) {
        value = this.#readValue();
        this.#skip(',');
        if (!this.#skip(')')) this.#readPast(')');
      }
    }
    if (!this.#endsHere()) {
      if (!this.#is('as') && !this.#is('satisfies')) value = undefined;
      while (this.#at < this.#tokens.length && !this.#endsHere()) this.#readPastOne();
    }
    return value;
  }

  #endsHere(): boolean {
    const token = this.#tokens[this.#at];
    if (token === undefined) return true;
    if (token.kind === 'name') return ['const', 'let', 'var', 'export', 'function', 'import'].includes(token.text);
    return token.kind === 'sign' && [',', ';', '}', ']', ')'].includes(token.text);
  }

  #readObject(): Literal {
    const literal: Literal = { line: this.#tokens[this.#at++]!.line, members: new Map() };
    while (this.#at < this.#tokens.length && !this.#skip('}')) {
      const key = this.#tokens[this.#at]!;
      const next = this.#tokens[this.#at + 1];
      if (key.kind !== 'sign' && next?.kind === 'sign' && next.text === ':') {
        this.#at += 2;
        literal.members.set(key.text, { line: key.line, value: this.#readValue() });
      } else if (key.kind === 'name' && next?.kind === 'sign' && (next.text === ',' || next.text === '}')) {
        this.#at++;
        literal.members.set(key.text, { line: key.line, value: key.text });
      } else if (this.#skip('...')) {
        this.#spread(literal, this.#readValue());
      } else {
        if (key.kind === 'name') literal.members.set(key.text, { line: key.line, value: undefined });
        while (this.#at < this.#tokens.length && !this.#is(',') && !this.#is('}')) this.#readPastOne();
      }
      this.#skip(',');
    }
    return literal;
  }

  #spread(into: Literal, value: Member['value']): void {
    const literal = typeof value === 'string' ? this.constants.get(value) : value;
    for (const [key, member] of literal?.members ?? []) into.members.set(key, member);
  }

  #readArray(): Literal {
    const literal: Literal = { line: this.#tokens[this.#at++]!.line, members: new Map() };
    for (let index = 0; this.#at < this.#tokens.length && !this.#skip(']'); index++) {
      const line = this.#tokens[this.#at]!.line;
      literal.members.set(String(index), { line, value: this.#readValue() });
      this.#skip(',');
      if (this.#is('}') || this.#is(')') || this.#is(';')) break;
    }
    return literal;
  }

  /** One token, or a whole bracketed group. */
  #readPastOne(): void {
    const token = this.#tokens[this.#at++];
    const close = token?.kind === 'sign' ? OPENS.get(token.text) : undefined;
    if (close) this.#readPast(close);
  }

  #readPast(close: string): void {
    while (this.#at < this.#tokens.length && !this.#skip(close)) this.#readPastOne();
  }

  #is(text: string): boolean {
    const token = this.#tokens[this.#at];
    return token !== undefined && token.text === text && token.kind !== 'text';
  }

  #skip(...texts: string[]): boolean {
    for (const [offset, text] of texts.entries()) {
      const token = this.#tokens[this.#at + offset];
      if (token === undefined || token.text !== text || token.kind === 'text') return false;
    }
    this.#at += texts.length;
    return true;
  }
}
