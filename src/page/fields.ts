/**
 * Header fields as they travel here: names and values in turn, `['content-type', 'text/html', …]`, names lower-case
 * unless they come straight from node's `rawHeaders`.
 */
export type Fields = readonly string[];

/** Every line of `name` (lower-case) in `fields`. */
export function fieldLines(fields: Fields, name: string): string[] {
  const lines: string[] = [];
  for (let at = 0; at < fields.length; at += 2) if (fields[at] === name) lines.push(fields[at + 1]!);
  return lines;
}

/** The lines of `name` combined as RFC 9110 §5.3 has it; undefined when there is none. */
export function fieldValue(fields: Fields, name: string): string | undefined {
  let value: string | undefined;
  for (let at = 0; at < fields.length; at += 2) {
    if (fields[at] === name) value = value === undefined ? fields[at + 1]! : `${value}, ${fields[at + 1]!}`;
  }
  return value;
}

/** The first line of `name`; undefined when there is none. */
export function firstLine(fields: Fields, name: string): string | undefined {
  for (let at = 0; at < fields.length; at += 2) if (fields[at] === name) return fields[at + 1]!;
  return undefined;
}

export function withoutFields(fields: Fields, names: ReadonlySet<string>): string[] {
  const kept: string[] = [];
  for (let at = 0; at < fields.length; at += 2) if (!names.has(fields[at]!)) kept.push(fields[at]!, fields[at + 1]!);
  return kept;
}

export function withLowerCaseNames(fields: Fields): string[] {
  const lower = new Array<string>(fields.length);
  for (let at = 0; at < fields.length; at += 2) {
    lower[at] = fields[at]!.toLowerCase();
    lower[at + 1] = fields[at + 1]!;
  }
  return lower;
}

/** Splits a list value at its commas, but not at those within quoted strings; empty members are dropped. */
export function listMembers(value: string): string[] {
  const members: string[] = [];
  let start = 0;
  let quoted = false;
  for (let at = 0; at <= value.length; at++) {
    const char = value[at];
    if (quoted) {
      if (char === '\\') at++;
      else if (char === '"') quoted = false;
      if (at < value.length) continue;
    } else if (char === '"') {
      quoted = true;
      continue;
    }
    if (at >= value.length || char === ',') {
      const member = value.slice(start, at).trim();
      if (member !== '') members.push(member);
      start = at + 1;
    }
  }
  return members;
}
