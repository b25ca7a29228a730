import type { Upstream, UpstreamExchange, UpstreamReceiver, UpstreamRequest } from '../../../src/ports/index.ts';

export interface ScriptedAnswer {
  readonly status?: number;
  readonly headers?: Readonly<Record<string, string | readonly string[]>>;
  readonly body?: string | Buffer;
  /** Resolves when the answer may go out. */
  readonly hold?: Promise<unknown>;
  /** Resolves when the body may follow the head. */
  readonly holdBody?: Promise<unknown>;
  /** Fails instead of answering; with `status`, after head and body. */
  readonly error?: Error;
  readonly information?: readonly (readonly [status: number, headers: readonly string[]])[];
}

/** An upstream that answers from a function and remembers what it was asked. */
export class ScriptedUpstream implements Upstream {
  readonly requests: UpstreamRequest[] = [];
  aborted = 0;
  answer: (request: UpstreamRequest, nth: number) => ScriptedAnswer;

  constructor(answer: (request: UpstreamRequest, nth: number) => ScriptedAnswer) {
    this.answer = answer;
  }

  dispatch(request: UpstreamRequest, receiver: UpstreamReceiver): UpstreamExchange {
    this.requests.push(request);
    let over = false;
    void this.#play(this.answer(request, this.requests.length), receiver, () => over).then(() => (over = true));
    return {
      resume: () => undefined,
      abort: (reason) => {
        if (over) return;
        over = true;
        this.aborted++;
        receiver.onError(reason);
      },
    };
  }

  async #play(answer: ScriptedAnswer, receiver: UpstreamReceiver, isOver: () => boolean): Promise<void> {
    await answer.hold;
    await Promise.resolve();
    if (isOver()) return;
    if (answer.error && answer.status === undefined) return receiver.onError(answer.error);
    for (const [status, headers] of answer.information ?? []) receiver.onInformation?.(status, headers);
    const headers = Object.entries(answer.headers ?? {}).flatMap(([name, value]) =>
      [value].flat().flatMap((line) => [name.toLowerCase(), line as string]),
    );
    receiver.onHead(answer.status ?? 200, headers);
    await answer.holdBody;
    if (isOver()) return;
    if (answer.body !== undefined) receiver.onData(Buffer.from(answer.body));
    if (isOver()) return;
    if (answer.error) receiver.onError(answer.error);
    else receiver.onEnd([]);
  }
}
