/** Signals of one moment as bytes: for each the number that stands for its name (16 bit) and its value (32-bit float). */
export function packValues(values: ReadonlyMap<string, number>, idOf: (name: string) => number): Uint8Array {
  const view = new DataView(new ArrayBuffer(values.size * PAIR_BYTES));
  let at = 0;
  for (const [name, value] of values) {
    view.setUint16(at, idOf(name), true);
    view.setFloat32(at + 2, value, true);
    at += PAIR_BYTES;
  }
  return new Uint8Array(view.buffer);
}

/** Names that are no longer known are left out. */
export function unpackValues(bytes: Uint8Array, names: ReadonlyMap<number, string>): Map<string, number> {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const values = new Map<string, number>();
  for (let at = 0; at + PAIR_BYTES <= bytes.byteLength; at += PAIR_BYTES) {
    const name = names.get(view.getUint16(at, true));
    if (name !== undefined) values.set(name, view.getFloat32(at + 2, true));
  }
  return values;
}

const PAIR_BYTES = 6;
