/** One cookie of a `Cookie` field (RFC 6265 §5.4). */
export function cookieValue(field: string | undefined, name: string): string | undefined {
  if (field === undefined || !field.includes(name)) return undefined;
  for (const pair of field.split(';')) {
    const equals = pair.indexOf('=');
    if (pair.slice(0, equals).trim() === name) return pair.slice(equals + 1).trim();
  }
  return undefined;
}
