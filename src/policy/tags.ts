/** `:name` at the start of a tag, or after anything but a letter, digit or '_': `city::city`, `plan-:id`, `:city`. */
const PARAMETER = /(?<!\w):([A-Za-z]\w*)/g;

/** Names that a tag template takes from the path. A colon within a word is text: `section:plans` takes none. */
export function paramsOfTag(template: string): string[] {
  return [...template.matchAll(PARAMETER)].map((match) => match[1]!);
}

/** `city::city` with `{ city: 'dallas' }` → `city:dallas`. */
export function expandTag(template: string, params: Readonly<Record<string, string>>): string {
  return template.includes(':') ? template.replaceAll(PARAMETER, (_, name: string) => tagText(params[name] ?? '')) : template;
}

/** Tags travel in header lists of several CDNs: what is not printable ASCII, or separates tags there, is percent-encoded. */
function tagText(value: string): string {
  return /^[\w.~!$&'()*+:;=@/-]*$/.test(value) ? value : encodeURIComponent(value);
}
