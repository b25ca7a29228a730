const MOST_PARTS = 64;
const LONGEST_LIST = 8;

/**
 * Whether JSON gives a value back as it was, and is the quicker way: for small objects without long lists, whose fields
 * MessagePack’s record structures would name but once. `undefined`, -0 and whatever JSON has no word for are not plain.
 */
export function suitsJson(value: unknown): boolean {
  return typeof value === 'object' && value !== null && plainParts(value, MOST_PARTS) > 0;
}

/** What is left of `allowance` after each part of the value has taken one; 0 or less when it does not suffice, or a part is not plain. */
function plainParts(value: unknown, allowance: number): number {
  switch (typeof value) {
    case 'string':
    case 'boolean':
      return allowance - 1;
    case 'number':
      return Number.isFinite(value) && !Object.is(value, -0) ? allowance - 1 : 0;
    case 'object':
      if (value === null) return allowance - 1;
      return Array.isArray(value) ? plainElements(value, allowance - 1) : plainFields(value, allowance - 1);
    default:
      return 0;
  }
}

function plainElements(list: readonly unknown[], allowance: number): number {
  if (list.length > LONGEST_LIST || Object.getPrototypeOf(list) !== Array.prototype) return 0;
  let left = allowance;
  for (let at = 0; at < list.length && left > 0; at++) left = plainParts(list[at], left);
  return left;
}

function plainFields(object: object, allowance: number): number {
  if (Object.getPrototypeOf(object) !== Object.prototype) return 0;
  let left = allowance;
  for (const name in object) {
    left = name === '__proto__' ? 0 : plainParts((object as Record<string, unknown>)[name], left);
    if (left <= 0) return 0;
  }
  return left;
}
