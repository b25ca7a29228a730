const MOST_PARTS = 1000;
const PER_OBJECT = 32;
const PER_PART = 8;

/**
 * Bytes a value occupies in memory, roughly: what V8 needs for its parts, without what it shares. Looks at 1,000 parts at
 * most and takes the rest to be like them.
 */
export function sizeOf(value: unknown): number {
  let bytes = 0;
  let looked = 0;
  const waiting: unknown[] = [value];
  while (waiting.length > 0 && looked < MOST_PARTS) {
    const part = waiting.pop();
    looked++;
    bytes += PER_PART;
    if (typeof part === 'string') bytes += 16 + part.length;
    else if (typeof part === 'bigint') bytes += 16;
    else if (typeof part === 'object' && part !== null) bytes += PER_OBJECT + ownBytes(part, waiting);
  }
  return Math.ceil(bytes * (1 + waiting.length / looked));
}

/** Bytes an object holds itself; what it refers to goes into `waiting`. */
function ownBytes(object: object, waiting: unknown[]): number {
  if (ArrayBuffer.isView(object) || object instanceof ArrayBuffer) return object.byteLength;
  if (Array.isArray(object)) {
    for (const element of object) waiting.push(element);
    return 0;
  }
  if (object instanceof Map) {
    for (const [key, element] of object) waiting.push(key, element);
    return object.size * PER_OBJECT;
  }
  if (object instanceof Set) {
    for (const element of object) waiting.push(element);
    return object.size * PER_OBJECT;
  }
  for (const name in object) waiting.push((object as Record<string, unknown>)[name]);
  return 0;
}
