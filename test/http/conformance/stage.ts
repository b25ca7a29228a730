import assert from 'node:assert/strict';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { createCache } from '../../../src/cache/index.ts';
import { createGateway, createProxy } from '../../../src/gateway/index.ts';
import { SimulatedClock } from '../../../src/kernel/index.ts';
import { createPages, pageCodec, type PageEntry, type Profile } from '../../../src/page/index.ts';
import { Origin } from '../../gateway/support.ts';
import { eventually } from '../../servers/index.ts';
import { ask, type ClientAnswer, routePolicy } from '../rig/page-server.ts';
import type { Answer, Behaviour, ExpectedFields, Got, RequestStep } from './behaviour.ts';

/** What the origin was asked in one behaviour, and what it answered last. */
interface Played {
  readonly seen: IncomingMessage[];
  next: Answer;
  lastBody: string | undefined;
}

/**
 * The whole path of a request (gateway, pages, proxy) before a real HTTP origin, on a simulated clock: an hour of
 * staleness takes no time. Behaviours are told apart by the first segment of their path.
 */
export class Stage {
  readonly #clock: SimulatedClock;
  readonly #port: number;
  readonly #played: Map<string, Played>;
  readonly #isIdle: () => boolean;
  readonly #close: () => Promise<void>;

  private constructor(parts: {
    clock: SimulatedClock;
    port: number;
    played: Map<string, Played>;
    isIdle: () => boolean;
    close: () => Promise<void>;
  }) {
    this.#clock = parts.clock;
    this.#port = parts.port;
    this.#played = parts.played;
    this.#isIdle = parts.isIdle;
    this.#close = parts.close;
  }

  static async open(profile: Profile): Promise<Stage> {
    const clock = new SimulatedClock();
    const played = new Map<string, Played>();
    const origin = await Origin.start((request, response) => {
      const play = played.get(request.url!.split(/[/?]/)[1]!)!;
      play.seen.push(request);
      perform(play, response, clock.now());
    });
    const proxy = createProxy({ upstreams: { origin: { endpoints: [`http://127.0.0.1:${origin.port}`] } } }, { clock });
    const store = createCache<PageEntry>({ name: 'pages', codec: pageCodec }, { clock });
    const pages = createPages({ profile }, { store, clock });
    const route = routePolicy({ freshness: 'origin', query: 'all' }, { upstream: 'origin' });
    const gateway = createGateway(
      { listen: { port: 0 }, match: () => ({ route, params: {} }), handle: (exchange) => pages.serve(exchange, proxy) },
      { clock },
    );
    await gateway.start();
    return new Stage({
      clock,
      port: Number(new URL(gateway.address).port),
      played,
      isIdle: () => pages.stats().filling === 0,
      close: async () => {
        await gateway.stop();
        await pages.close();
        await store.close();
        await proxy.stop();
        origin.server.closeAllConnections();
        origin.server.close();
      },
    });
  }

  /** Plays a behaviour from beginning to end; throws where the cache does otherwise. */
  async play(behaviour: Behaviour): Promise<void> {
    const name = `b${this.#played.size}`;
    const play: Played = { seen: [], next: {}, lastBody: undefined };
    this.#played.set(name, play);
    for (const [at, step] of behaviour.steps.entries()) {
      if (step.kind === 'wait') await this.#clock.advance(step.ms);
      else if (step.kind === 'until asked') await eventually('the origin was asked', () => play.seen.length >= step.times);
      else await this.#request(step, play, name, `step ${at + 1}`);
      await eventually('nothing is fetched any more', this.#isIdle);
    }
  }

  close(): Promise<void> {
    return this.#close();
  }

  async #request(step: RequestStep, play: Played, name: string, where: string): Promise<void> {
    const { method, at = '', fields = {}, body, host = 'site.test' } = step.ask;
    const before = play.seen.length;
    play.next = step.answer;
    const request = {
      headers: { host, ...fields },
      ...(method !== undefined && { method }),
      ...(body !== undefined && { body }),
    };
    const answer = await ask(this.#port, `/${name}${at}`, request).catch((error: Error) => error);
    const wasAsked = play.seen.length > before;
    if (step.origin !== 'either')
      assert.equal(wasAsked, step.origin === 'is asked', `${where}: whether the origin ${step.origin}`);
    if (answer instanceof Error) {
      assert.equal(step.answer.breaksOff, 'in the body', `${where}: ${answer.message}`);
      return;
    }
    // Unless the step says otherwise the client gets what the origin answered last, now or before.
    const isWhole = method !== 'HEAD' && ![204, 206, 304].includes(answer.status);
    if (isWhole && step.origin !== 'either' && step.answer.breaksOff === undefined && play.lastBody !== undefined) {
      assert.equal(answer.text, step.got.body ?? play.lastBody, `${where}: the body`);
    }
    if (step.sees) compare(play.seen.at(-1)!.headers, step.sees, this.#clock.now(), `${where}: what the origin sees of`);
    expectGot(answer, step.got, this.#clock.now(), where);
  }
}

function expectGot(answer: ClientAnswer, got: Got, nowMs: number, where: string): void {
  if (got.status !== undefined) assert.equal(answer.status, got.status, `${where}: the status`);
  if (got.body !== undefined) assert.equal(answer.text, got.body, `${where}: the body`);
  if (got.early)
    assert.deepEqual(
      answer.information.map(({ status }) => status),
      got.early,
      `${where}: interim answers`,
    );
  compare(answer.headers, got.fields ?? {}, nowMs, `${where}: the field`);
}

function compare(actual: IncomingMessage['headers'], wanted: ExpectedFields, nowMs: number, what: string): void {
  for (const [name, value] of Object.entries(wanted)) {
    const given = actual[name];
    const text = Array.isArray(given) ? given.join(', ') : given;
    if (value instanceof RegExp) assert.match(text ?? '', value, `${what} ${name}`);
    else assert.equal(text, typeof value === 'function' ? value(nowMs) : value, `${what} ${name}`);
  }
}

/** Answers as the step has it. Interim answers first, fields as they are written, several lines where there are several. */
function perform(play: Played, response: ServerResponse, nowMs: number): void {
  const { status = 200, fields = {}, early = [], breaksOff, withoutDate = false } = play.next;
  if (breaksOff === 'at once') return void response.destroy();
  for (const [code, hints] of early) {
    if (code === 103) response.writeEarlyHints({ link: '</style.css>; rel=preload', ...hints });
    else response.writeProcessing();
  }
  const body = play.next.body ?? (status === 204 ? '' : `answer ${play.seen.length}`);
  const lines = Object.entries(fields).flatMap(([name, value]) =>
    [typeof value === 'function' ? value(nowMs) : value].flat().flatMap((line) => [name, line as string]),
  );
  response.sendDate = false;
  if (!withoutDate && fields['date'] === undefined) lines.push('date', new Date(nowMs).toUTCString());
  if (breaksOff === 'in the body') {
    response.writeHead(status, [...lines, 'content-length', String(body.length + 100)]);
    response.write(body, () => response.destroy());
    return;
  }
  if (status !== 304) play.lastBody = body;
  response.writeHead(status, lines);
  response.end(response.req.method === 'HEAD' || status === 304 || status === 204 ? undefined : body);
}
