/** Follows the frames of one direction of a WebSocket (RFC 6455 §5.2), to know where one ends and something may be put in. */
export class FrameBoundary {
  /** Bytes of the current frame's payload still to come. */
  #left = 0;
  /** Bytes of a frame's head seen so far. */
  #head: number[] = [];

  /** Whether the bytes so far end with a whole frame. */
  get between(): boolean {
    return this.#left === 0 && this.#head.length === 0;
  }

  follow(chunk: Buffer): void {
    if (this.between && isShortFrame(chunk)) return;
    for (let at = 0; at < chunk.length;) {
      if (this.#left > 0) {
        const taken = Math.min(this.#left, chunk.length - at);
        this.#left -= taken;
        at += taken;
        continue;
      }
      this.#head.push(chunk[at++]!);
      const payload = payloadBytes(this.#head);
      if (payload === undefined) continue;
      this.#left = payload;
      this.#head = [];
    }
  }
}

/** Whether these bytes are one whole frame with a short payload: most messages are, each in a piece of its own. */
function isShortFrame(bytes: Buffer): boolean {
  if (bytes.length < 2) return false;
  const second = bytes[1]!;
  const payload = second & 0x7f;
  return payload < 126 && bytes.length === 2 + (second & 0x80 ? 4 : 0) + payload;
}

/** The payload's length, once the head (with its mask, if it has one) is complete. */
function payloadBytes(head: readonly number[]): number | undefined {
  if (head.length < 2) return undefined;
  const short = head[1]! & 0x7f;
  const extended = short === 126 ? 2 : short === 127 ? 8 : 0;
  const mask = head[1]! & 0x80 ? 4 : 0;
  if (head.length < 2 + extended + mask) return undefined;
  if (extended === 0) return short;
  return head.slice(2, 2 + extended).reduce((length, byte) => length * 256 + byte, 0);
}

/** A close frame from a server: 1012, it is restarting, come again. */
export const CLOSE_RESTARTING = Buffer.from([0x88, 0x02, 0x03, 0xf4]);
