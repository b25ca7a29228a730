/** WebSocket framing (RFC 6455), a client's side of it: masked frames out, unmasked frames in. */

export const TEXT = 1;
export const CLOSE = 8;
export const PING = 9;
export const PONG = 10;

/** Most bytes a message may have, over all its fragments. */
const MAX_MESSAGE_BYTES = 16 * 1024 * 1024;

/** The peer broke the protocol; the message says how. */
export class FrameError extends Error {}

/** A whole frame, masked with `mask` (four random bytes as one number). */
export function encodeFrame(opcode: number, payload: Uint8Array, mask: number): Buffer {
  const { length } = payload;
  const extended = length < 126 ? 0 : length < 65_536 ? 2 : 8;
  const frame = Buffer.allocUnsafe(2 + extended + 4 + length);
  frame[0] = 0x80 | opcode;
  frame[1] = 0x80 | (extended === 0 ? length : extended === 2 ? 126 : 127);
  if (extended === 2) frame.writeUInt16BE(length, 2);
  else if (extended === 8) frame.writeBigUInt64BE(BigInt(length), 2);
  const maskAt = 2 + extended;
  frame.writeUInt32BE(mask >>> 0, maskAt);
  for (let i = 0; i < length; i++) frame[maskAt + 4 + i] = payload[i]! ^ frame[maskAt + (i & 3)]!;
  return frame;
}

export interface FrameSink {
  /** A whole text or binary message; `bytes` from `start` to `end` are valid during the call only. */
  onMessage(bytes: Buffer, start: number, end: number): void;
  /** A ping, pong or close, with its payload. */
  onControl(opcode: number, payload: Buffer): void;
}

/** Reads frames from bytes as they come. An unbroken message in one read is handed on without a copy. */
export class FrameParser {
  readonly #sink: FrameSink;
  #partial: Buffer | undefined;
  #fragments: Buffer[] | undefined;
  #fragmentBytes = 0;

  constructor(sink: FrameSink) {
    this.#sink = sink;
  }

  /** Takes bytes in; throws {@link FrameError}. */
  push(bytes: Buffer, start: number, end: number): void {
    if (this.#partial) {
      bytes = Buffer.concat([this.#partial, bytes.subarray(start, end)]);
      [start, end] = [0, bytes.length];
      this.#partial = undefined;
    }
    let at = start;
    for (let next = this.#frame(bytes, at, end); next >= 0; next = this.#frame(bytes, at, end)) at = next;
    if (at < end) this.#partial = Buffer.from(bytes.subarray(at, end));
  }

  /** Reads the frame at `at`; the position after it, or -1 when it is not whole. */
  #frame(bytes: Buffer, at: number, end: number): number {
    if (end - at < 2) return -1;
    const [first, second] = [bytes[at]!, bytes[at + 1]!];
    if ((first & 0x70) !== 0) throw new FrameError('a frame uses an extension nobody agreed on');
    if ((second & 0x80) !== 0) throw new FrameError('a server must not mask its frames');
    const extended = second === 126 ? 2 : second === 127 ? 8 : 0;
    const bodyAt = at + 2 + extended;
    if (end < bodyAt) return -1;
    const length = extended === 0 ? second : extended === 2 ? bytes.readUInt16BE(at + 2) : Number(bytes.readBigUInt64BE(at + 2));
    if (length > MAX_MESSAGE_BYTES) throw new FrameError(`a frame of ${length} bytes`);
    if (end < bodyAt + length) return -1;
    this.#take(first, bytes, bodyAt, bodyAt + length);
    return bodyAt + length;
  }

  #take(first: number, bytes: Buffer, start: number, end: number): void {
    const final = (first & 0x80) !== 0;
    const opcode = first & 0x0f;
    if (opcode >= CLOSE) {
      if (!final || end - start > 125 || opcode > PONG)
        throw new FrameError('a control frame that is too long, broken up or unknown');
      return this.#sink.onControl(opcode, Buffer.from(bytes.subarray(start, end)));
    }
    if ((opcode === 0) !== (this.#fragments !== undefined) || opcode > 2)
      throw new FrameError('a message begins inside another, or goes on without a beginning');
    if (final && !this.#fragments) return this.#sink.onMessage(bytes, start, end);
    this.#fragments ??= [];
    this.#fragments.push(Buffer.from(bytes.subarray(start, end)));
    this.#fragmentBytes += end - start;
    if (this.#fragmentBytes > MAX_MESSAGE_BYTES) throw new FrameError(`a message of more than ${MAX_MESSAGE_BYTES} bytes`);
    if (!final) return;
    const whole = Buffer.concat(this.#fragments);
    this.#fragments = undefined;
    this.#fragmentBytes = 0;
    this.#sink.onMessage(whole, 0, whole.length);
  }
}
