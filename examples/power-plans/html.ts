/** Text that is HTML already. */
export class Html {
  readonly text: string;

  constructor(text: string) {
    this.text = text;
  }
}

export type Piece = Html | string | number | false | undefined | readonly Piece[];

/** HTML from a template: every value is escaped, lists are joined, `false` and `undefined` leave nothing. */
export function html(strings: TemplateStringsArray, ...values: readonly Piece[]): Html {
  const parts = withoutIndentation(strings);
  let text = parts[0]!;
  for (const [at, value] of values.entries()) text += render(value) + parts[at + 1]!;
  return new Html(text);
}

const unindented = new WeakMap<TemplateStringsArray, readonly string[]>();

/** A template's own text without the indentation it has in the source; a browser sees no difference. Done once for each. */
function withoutIndentation(strings: TemplateStringsArray): readonly string[] {
  let parts = unindented.get(strings);
  if (!parts) unindented.set(strings, (parts = strings.map((part) => part.replaceAll(/\s*\n\s*/g, '\n'))));
  return parts;
}

function render(piece: Piece): string {
  if (piece instanceof Html) return piece.text;
  if (Array.isArray(piece)) return (piece as readonly Piece[]).map(render).join('');
  if (piece === false || piece === undefined) return '';
  return escapeHtml(String(piece));
}

const ENTITIES: Record<string, string> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;', "'": '&#39;' };

export function escapeHtml(text: string): string {
  return text.replaceAll(/[&<>"']/g, (character) => ENTITIES[character]!);
}
