import { randomBytes } from 'node:crypto';

const ACCEPTABLE = /^[\w\-.:/+=@]{1,128}$/;

/** Hands out request ids: random per process, then counted, so that they are unique in a fleet and cost an addition. */
export class RequestIds {
  readonly #prefix = `${randomBytes(9).toString('base64url')}-`;
  #count = 0;

  next(): string {
    return this.#prefix + (++this.#count).toString(36);
  }

  /** The id a trusted proxy gave, when it is harmless to log and to send on; otherwise a new one. */
  adopt(given: string | undefined): string {
    return given !== undefined && ACCEPTABLE.test(given) ? given : this.next();
  }
}
