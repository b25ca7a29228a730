import { parseDuration, SpillwayError, type Clock } from '../kernel/index.ts';
import type {
  FixedRequest,
  LoadDefinition,
  Scenario,
  ScenarioContext,
  ScenarioRequestOptions,
  ScriptedScenario,
} from './definition.ts';
import { spread } from './feed.ts';
import { encodeRequest } from './http1/encode.ts';
import type { Lanes, Outcome, Sending } from './lanes.ts';
import type { Measurement, Series } from './measurement.ts';
import { LoadResponse } from './response.ts';
import type { EncodedRequest } from './transport.ts';

/** Most requests kept encoded for scenarios that ask for the same path again. */
const MAX_ENCODED = 5000;

/** One iteration to play. */
export interface Part {
  /** Position in the whole run. */
  readonly index: number;
  /** When it should begin, ms into the run. */
  readonly dueMs: number;
  /** What its user remembers. */
  readonly state: Record<string, unknown>;
}

export interface PlayerOptions {
  readonly definition: LoadDefinition;
  readonly lanes: Lanes;
  readonly measurement: Measurement;
  readonly clock: Clock;
  readonly keepAlive: boolean;
  readonly seed: number;
  /** What `setup` returned. */
  readonly data: unknown;
  readonly signal: AbortSignal;
}

/** Plays iterations: chooses the scenario an index falls to, and sends its request or runs its code. */
export class Player {
  readonly #options: PlayerOptions;
  readonly #authority: string;
  readonly #basePath: string;
  readonly #choices: Choice[];
  /** A recording's own order, where there is one. */
  readonly #order: Uint32Array | undefined;
  readonly #encoded = new Map<string, EncodedRequest>();

  constructor(options: PlayerOptions) {
    this.#options = options;
    const target = new URL(options.definition.target);
    this.#authority = target.host;
    this.#basePath = target.pathname.replace(/\/$/, '');
    this.#choices = this.#choicesOf(options.definition);
    const [only] = Object.values(options.definition.scenarios ?? {});
    this.#order = only && 'requests' in only ? only.order : undefined;
  }

  /** Whether the iteration with this index is code, which needs a user, or a fixed request, which needs a connection. */
  isScripted(index: number): boolean {
    return this.#choose(index).kind === 'scripted';
  }

  /** Where the iteration with this index counts when it cannot even begin. */
  seriesAt(index: number): Series {
    const choice = this.#choose(index);
    return choice.kind === 'fixed' ? choice.sending.series : this.#seriesFor(choice.scenario, choice.body.class ?? '', '');
  }

  /**
   * Plays one iteration; `done` is called once, at its end, with what became of its only request, or nothing when it is
   * code. `nowMs`: the clock as just read, ms into the run.
   */
  play(part: Part, nowMs: number, done: Outcome): void {
    const { lanes } = this.#options;
    const choice = this.#choose(part.index);
    if (choice.kind === 'fixed') lanes.send(choice.sending, part.dueMs, nowMs, done);
    else void this.#run(choice, part).finally(() => done(undefined, undefined, 0, lanes.elapsedMs()));
  }

  /** A request outside any iteration, for setup and teardown. */
  request(method: string, path: string, options: ScenarioRequestOptions = {}): Promise<LoadResponse> {
    return this.#send(method, this.#basePath + path, options, 'setup', '', 0);
  }

  #choose(index: number): Choice {
    const choices = this.#choices;
    if (this.#order) return choices[this.#order[index % this.#order.length]!]!;
    if (choices.length === 1) return choices[0]!;
    // The golden ratio's multiples fill [0, 1) so evenly that weights hold over any stretch of the run.
    const point = (index * 0.618033988749895 + spread(this.#options.seed)) % 1;
    let low = 0;
    let high = choices.length - 1;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (choices[middle]!.upTo > point) high = middle;
      else low = middle + 1;
    }
    return choices[low]!;
  }

  #choicesOf(definition: LoadDefinition): Choice[] {
    const { pathname, search } = new URL(definition.target);
    const fallback: Scenario = { requests: [{ path: '/' }] };
    const scenarios = Object.entries(definition.scenarios ?? { default: fallback });
    const choices: (Choice & { weight: number })[] = [];
    for (const [scenario, body] of scenarios) {
      const weight = body.weight ?? 1;
      if ('exec' in body) {
        choices.push({ kind: 'scripted', scenario, body, weight, upTo: 0 });
        continue;
      }
      const total = body.requests.reduce((sum, request) => sum + (request.weight ?? 1), 0);
      for (const request of body.requests) {
        const path = body === fallback ? pathname + search : this.#basePath + request.path;
        const sending = this.#fixed(scenario, body.class ?? '', request, path);
        choices.push({ kind: 'fixed', sending, weight: (weight * (request.weight ?? 1)) / total, upTo: 0 });
      }
    }
    const total = choices.reduce((sum, choice) => sum + choice.weight, 0);
    let sum = 0;
    return choices.map((choice) => ({ ...choice, upTo: (sum += choice.weight / total) }));
  }

  #fixed(scenario: string, className: string, request: FixedRequest, path: string): Sending {
    const tags = { scenario, class: request.class ?? className, name: request.name ?? '' };
    return {
      request: this.#encode(request.method ?? 'GET', path, request),
      series: this.#options.measurement.seriesFor(tags),
      keep: false,
      expect: request.expect,
    };
  }

  async #run({ scenario, body }: ScriptedChoice, part: Part): Promise<void> {
    const { measurement, lanes } = this.#options;
    try {
      await body.exec(this.#contextFor(scenario, body, part));
      measurement.iterations++;
    } catch (error) {
      if (this.#options.signal.aborted) return;
      measurement.scriptFailed(this.#seriesFor(scenario, body.class ?? '', ''), lanes.elapsedMs(), error);
    }
  }

  #contextFor(scenario: string, body: ScriptedScenario, part: Part): ScenarioContext {
    const { measurement, lanes, clock, data, signal, seed } = this.#options;
    // A user who was let in late was late for the first request; the later ones come when the user asks for them.
    let lateMs = Math.max(0, lanes.elapsedMs() - part.dueMs);
    let draws = 0;
    const random = (): number => spread((seed * 31 + part.index) * 64 + draws++);
    const request = (method: string, path: string, options: ScenarioRequestOptions = {}): Promise<LoadResponse> => {
      const sinceMs = lateMs;
      lateMs = 0;
      return this.#send(method, this.#basePath + path, options, scenario, body.class ?? '', sinceMs);
    };
    return {
      request,
      get: (path, options) => request('GET', path, options),
      post: (path, options) => request('POST', path, options),
      put: (path, options) => request('PUT', path, options),
      patch: (path, options) => request('PATCH', path, options),
      delete: (path, options) => request('DELETE', path, options),
      check: (name, held) => {
        measurement.check(scenario, name, held);
        return held;
      },
      think: (atLeast, atMost = atLeast) => {
        const [low, high] = [durationMs(atLeast), durationMs(atMost)];
        return clock.sleep(low + random() * Math.max(0, high - low), signal);
      },
      random,
      iteration: part.index,
      data,
      row: body.feed?.rowAt(part.index),
      state: part.state,
      signal,
    };
  }

  #send(
    method: string,
    path: string,
    options: ScenarioRequestOptions,
    scenario: string,
    className: string,
    lateMs: number,
  ): Promise<LoadResponse> {
    const { lanes } = this.#options;
    const series = this.#seriesFor(scenario, options.class ?? className, options.name ?? '');
    const request = this.#encode(method, path, options);
    return new Promise((resolve) => {
      const nowMs = lanes.elapsedMs();
      lanes.send({ request, series, keep: true, expect: options.expect }, nowMs - lateMs, nowMs, (answer, fault, latencyMs) =>
        resolve(new LoadResponse(answer, fault, latencyMs)),
      );
    });
  }

  #seriesFor(scenario: string, className: string, name: string): Series {
    return this.#options.measurement.seriesFor({ scenario, class: className, name });
  }

  #encode(method: string, path: string, options: ScenarioRequestOptions): EncodedRequest {
    const plain = options.headers === undefined && options.body === undefined && options.json === undefined;
    const key = `${method} ${path}`;
    const known = plain ? this.#encoded.get(key) : undefined;
    if (known) return known;
    const headers = { ...this.#options.definition.headers, ...options.headers };
    const request = encodeRequest(method, path, this.#authority, { ...options, headers }, this.#options.keepAlive);
    if (plain && this.#encoded.size < MAX_ENCODED) this.#encoded.set(key, request);
    return request;
  }
}

interface ScriptedChoice {
  readonly kind: 'scripted';
  readonly scenario: string;
  readonly body: ScriptedScenario;
  /** Upper end of the choice's part of [0, 1). */
  readonly upTo: number;
}
interface FixedChoice {
  readonly kind: 'fixed';
  readonly sending: Sending;
  readonly upTo: number;
}
type Choice = ScriptedChoice | FixedChoice;

function durationMs(text: unknown): number {
  const ms = parseDuration(text);
  if (ms === undefined)
    throw new SpillwayError('SPILLWAY_LOAD_SCENARIO', `think(${JSON.stringify(text)}): not a duration such as '1s'`);
  return ms;
}
