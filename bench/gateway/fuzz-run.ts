/**
 * Sends made-up and damaged requests to two gateways, one that takes every short cut and one that takes none, and looks for
 * what must never happen: an answer that differs, a request the origin could read in two ways or did not get from the
 * gateway, a plain request without its answer, something that stays behind.
 */
import { once } from 'node:events';
import { connect } from 'node:net';
import { setImmediate as turn } from 'node:timers/promises';
import { isDeepStrictEqual } from 'node:util';
import { createCache } from '../../src/cache/index.ts';
import { createGateway, createProxy, type Gateway, type Proxy } from '../../src/gateway/index.ts';
import { createPages, pageCodec, type PageEntry, type Pages } from '../../src/page/index.ts';
import { createPolicy } from '../../src/policy/index.ts';
import { fuzzCase, type FuzzCase } from './fuzz-case.ts';
import { FuzzOrigin, type SeenRequest } from './fuzz-origin.ts';

export interface Finding {
  readonly seed: number;
  readonly what: string;
}

export interface FuzzReport {
  readonly cases: number;
  readonly answers: number;
  readonly findings: readonly Finding[];
}

interface FuzzOptions {
  readonly seeds: Iterable<number>;
  /** Monotonic ms at which no further case is begun. */
  readonly untilMs: number;
  /** After how many cases it is looked for what stays behind. Default 200. */
  readonly checkEvery?: number;
}

/** Findings after which it ends. */
const MOST_FINDINGS = 20;
/** How long a plain request may wait for its answer, and a connection may stay behind. */
const PATIENCE_MS = 10_000;
/** Turns of the event loop without anything new, after which nothing more is waited for; more while a request is under way. */
const QUIET_TURNS = 30;
const QUIET_TURNS_UNDER_WAY = 200;

export async function fuzz({ seeds, untilMs, checkEvery = 200 }: FuzzOptions): Promise<FuzzReport> {
  const [quick, plain] = [await Subject.start(true), await Subject.start(false)];
  const findings: Finding[] = [];
  let cases = 0;
  let answers = 0;
  const onCrash = (error: Error): void => {
    console.error(`crashed at seed ${current}: ${error.stack}`);
    process.exit(1);
  };
  let current = 0;
  process.on('uncaughtException', onCrash);
  process.on('unhandledRejection', onCrash);
  try {
    for (const seed of seeds) {
      if (performance.now() >= untilMs || findings.length >= MOST_FINDINGS) break;
      current = seed;
      const one = fuzzCase(seed);
      const outcome = await compare(one, quick, plain);
      findings.push(...outcome.findings.map((what) => ({ seed, what })));
      answers += outcome.answers;
      if (++cases % checkEvery === 0) {
        const left = await leftBehind(quick, plain);
        if (left) findings.push({ seed, what: `of the last ${checkEvery} cases ${left}` });
      }
    }
  } finally {
    process.off('uncaughtException', onCrash);
    process.off('unhandledRejection', onCrash);
    await Promise.all([quick.stop(), plain.stop()]);
  }
  return { cases, answers, findings };
}

async function compare(one: FuzzCase, quick: Subject, plain: Subject): Promise<{ findings: string[]; answers: number }> {
  let [first, second] = [await quick.take(one), await plain.take(one)];
  // An answer tells whether it was stored just now: the second time it was not.
  for (let again = 0; again < 3 && !alike(first, second); again++)
    [first, second] = [await quick.take(one), await plain.take(one)];
  const findings = [...first.violations, ...second.violations];
  // Whether a connection changes its protocol depends on whether earlier answers are out by then: both readings are right.
  const mayUpgrade = /^upgrade:/im.test(one.pieces.join(''));
  if (mayUpgrade) return { findings, answers: first.answers.length + second.answers.length };
  if (!alike(first, second)) findings.push(`the answers differ: ${JSON.stringify([first.answers, second.answers])}`);
  if (!explains(first.seen, second.seen)) findings.push(`the origin heard ${JSON.stringify([first.seen, second.seen])}`);
  for (const { answers } of [first, second])
    if (one.expected && !isExpected(answers, one.expected))
      findings.push(`expected ${one.expected.join(', ')}, got ${JSON.stringify(answers)}`);
  return { findings, answers: first.answers.length + second.answers.length };
}

/** An error ends the connection, and cuts off answers before it that are not out yet; one way may have got further. */
function alike(first: Taken, second: Taken): boolean {
  const common = Math.min(first.answers.length, second.answers.length);
  return isDeepStrictEqual(first.answers.slice(0, common), second.answers.slice(0, common));
}

/** One of the two may have heard less, but nothing the other did not. */
function explains(first: readonly SeenRequest[], second: readonly SeenRequest[]): boolean {
  const [less, more] = first.length < second.length ? [first, [...second]] : [second, [...first]];
  return less.every((request) => {
    const at = more.findIndex((other) => isDeepStrictEqual(other, request));
    if (at !== -1) more.splice(at, 1);
    return at !== -1;
  });
}

function isExpected(answers: readonly Answer[], expected: readonly string[]): boolean {
  return (
    answers.length === expected.length && answers.every(({ status, body }, at) => `${status} ${body}`.startsWith(expected[at]!))
  );
}

async function leftBehind(...subjects: readonly Subject[]): Promise<string | undefined> {
  const patienceMs = performance.now() + PATIENCE_MS;
  for (;;) {
    const left = subjects.map((subject) => subject.left).find((text) => text !== undefined);
    if (left === undefined || performance.now() > patienceMs) return left;
    await turn();
  }
}

interface Answer {
  readonly status: string;
  readonly fields: readonly string[];
  readonly body: string;
}

interface Taken {
  readonly answers: readonly Answer[];
  /** Uncached requests, as the origin saw them. */
  readonly seen: readonly SeenRequest[];
  readonly violations: readonly string[];
}

/** A gateway with its own origin and pages. */
class Subject {
  readonly #origin: FuzzOrigin;
  readonly #gateway: Gateway;
  readonly #proxy: Proxy;
  readonly #pages: Pages;

  /** @param quick whether it takes the short cuts. */
  static async start(quick: boolean): Promise<Subject> {
    const origin = new FuzzOrigin();
    const upstreams = { site: { endpoints: [await origin.start()], retries: { attempts: 0 }, timeout: '5s' } };
    const policy = createPolicy({
      upstreams,
      routes: { '/**': { class: 'high' }, '/uncached/**': { class: 'high', cache: false } },
    });
    const proxy = createProxy({ upstreams, compression: { minBytes: '1gb' } });
    const pages = createPages({}, { store: createCache<PageEntry>({ name: 'pages', codec: pageCodec }) });
    const gateway = createGateway({
      listen: { port: 0, maxHeaderBytes: '4kb', maxUrlBytes: '1kb' },
      match: policy.match.bind(policy),
      handle: (exchange) => (exchange.route.cache ? pages.serve(exchange, proxy) : proxy.pass(exchange)),
      upgrade: (upgrade) => proxy.upgrade(upgrade),
      ...(quick && {
        prepared: pages.prepared,
        handlePlain: (exchange) => exchange.route.cache === undefined && proxy.passPlain(exchange),
      }),
    });
    await gateway.start();
    return new Subject(origin, gateway, proxy, pages);
  }

  private constructor(origin: FuzzOrigin, gateway: Gateway, proxy: Proxy, pages: Pages) {
    this.#origin = origin;
    this.#gateway = gateway;
    this.#proxy = proxy;
    this.#pages = pages;
  }

  /** What should not be there between two cases; undefined when nothing is. */
  get left(): string | undefined {
    const { inFlight, connections } = this.#gateway;
    const asked = this.#proxy.balancers.get('site')!.endpoints[0]!.inFlight;
    if (inFlight + connections + asked === 0) return undefined;
    return `${inFlight} requests, ${connections} connections and ${asked} requests to the origin are left`;
  }

  async take(one: FuzzCase): Promise<Taken> {
    const { seen, violations } = this.#origin;
    seen.length = violations.length = 0;
    const text = await this.#converse(one);
    return {
      answers: parse(text),
      seen: seen.filter(({ line }) => line.includes('/uncached')),
      violations: [...violations],
    };
  }

  async stop(): Promise<void> {
    await this.#gateway.stop();
    await this.#pages.close();
    await this.#proxy.stop();
    this.#origin.stop();
  }

  /** Sends the pieces with turns of the event loop between them; returns what has come back when nothing more does. */
  async #converse({ pieces, expected }: FuzzCase): Promise<string> {
    const socket = connect(Number(new URL(this.#gateway.address).port), '127.0.0.1');
    socket.setNoDelay(true);
    let text = '';
    socket.on('data', (chunk) => (text += chunk.toString('latin1')));
    socket.on('error', () => {});
    await once(socket, 'connect');
    for (const piece of pieces) {
      if (socket.destroyed) break;
      socket.write(piece, 'latin1');
      await turn();
      await turn();
    }
    const patienceMs = performance.now() + PATIENCE_MS;
    const isComplete = (): boolean => expected === undefined || parse(text).length >= expected.length;
    const turns = (): number => (this.#gateway.inFlight > 0 ? QUIET_TURNS_UNDER_WAY : QUIET_TURNS);
    for (let quiet = 0, before = 0; (quiet < turns() || !isComplete()) && !socket.destroyed; quiet++) {
      if (performance.now() > patienceMs) break;
      const now = text.length + this.#origin.seen.length;
      if (now > before) quiet = 0;
      before = now;
      await turn();
    }
    socket.destroy();
    return text;
  }
}

/** Answers in order, without what differs from one second, connection or request to the next. */
function parse(text: string): Answer[] {
  const answers: Answer[] = [];
  for (let rest = text; rest !== '';) {
    const end = rest.indexOf('\r\n\r\n');
    if (end === -1) return [...answers, { status: 'broken', fields: [], body: rest }];
    const [line, ...lines] = rest.slice(0, end).split('\r\n');
    const status = line!.split(' ')[1]!;
    const fields = lines
      .map((field) => field.toLowerCase())
      .filter((field) => !/^(?:date|age|connection|keep-alive|x-request-id|cache-status|etag|last-modified|expires):/.test(field))
      .sort();
    const declared = Number(fields.find((field) => field.startsWith('content-length:'))?.split(':')[1] ?? 0);
    const after = rest.slice(end + 4);
    // The answer to a HEAD declares a body it does not have.
    const length = after.startsWith('HTTP/1.1 ') || after === '' ? 0 : declared;
    const body = after.slice(0, length);
    answers.push({ status, fields, body: body.includes('requestId') ? '' : body });
    rest = after.slice(length);
  }
  return answers;
}
