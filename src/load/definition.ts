import { ConfigError, nearestName, parseDuration, parseOptions, show, type Duration, type Problem } from '../kernel/index.ts';
import type { Arrival } from './arrival.ts';
import type { Feed } from './feed.ts';
import type { RequestOptions } from './http1/encode.ts';
import type { FaultStep, OwnProcess } from './own-processes.ts';
import type { LoadResponse } from './response.ts';
import { liveSockets, type LiveSockets } from './sockets/definition.ts';
import { thresholdProblems, type ThresholdInput } from './thresholds.ts';

/** What a request of a scenario may say beyond its path. */
export interface ScenarioRequestOptions extends RequestOptions {
  /** Groups requests in the report and in thresholds (`latency{name:plan page}`). Use one name for many similar paths. */
  readonly name?: string;
  /** Route class, for thresholds per class. Default: the scenario's. */
  readonly class?: string;
  /** Statuses that are no failure. Default: all below 400. */
  readonly expect?: readonly number[];
}

/** A request that never changes: sent as prepared bytes, the leanest way to make load. */
export interface FixedRequest extends ScenarioRequestOptions {
  /** Default `GET`. */
  readonly method?: string;
  readonly path: string;
  /** How often it is chosen beside the scenario's other requests. Default 1. */
  readonly weight?: number;
}

/** What a scenario's code works with. Every function may be taken out of it: `exec: async ({ get, check }) => …`. */
export interface ScenarioContext<Data = unknown> {
  /** Sends a request; a request without an answer resolves with status 0 and its `fault`, it never rejects. */
  request(method: string, path: string, options?: ScenarioRequestOptions): Promise<LoadResponse>;
  get(path: string, options?: ScenarioRequestOptions): Promise<LoadResponse>;
  post(path: string, options?: ScenarioRequestOptions): Promise<LoadResponse>;
  put(path: string, options?: ScenarioRequestOptions): Promise<LoadResponse>;
  patch(path: string, options?: ScenarioRequestOptions): Promise<LoadResponse>;
  delete(path: string, options?: ScenarioRequestOptions): Promise<LoadResponse>;
  /** Counts whether something held; the answer is `held` again. */
  check(name: string, held: boolean): boolean;
  /** Waits as a person would: fixed, or evenly between two durations. */
  think(atLeast: Duration, atMost?: Duration): Promise<void>;
  /** A number in [0, 1) that follows from the run's seed. */
  random(): number;
  /** Position of this iteration in the whole run, from 0, the same however many workers share it. */
  readonly iteration: number;
  /** What `setup` returned. */
  readonly data: Data;
  /** This iteration's row of the scenario's feed. */
  readonly row: unknown;
  /** What this user remembers: kept from one iteration to the next in a closed model, new each time in an open one. */
  readonly state: Record<string, unknown>;
  /** Aborts when the run ends. */
  readonly signal: AbortSignal;
}

interface ScenarioBase {
  /** How often it is chosen beside the others. Default 1. */
  readonly weight?: number;
  /** Route class of its requests, for thresholds per class. */
  readonly class?: string;
}

/** Fixed requests, one a turn, chosen by weight. */
export interface FixedScenario extends ScenarioBase {
  readonly requests: readonly FixedRequest[];
  /** Which of the requests each arrival sends, by position, instead of by weight: for a recording. */
  readonly order?: Uint32Array;
}

/** Code: what one user does in one iteration. */
export interface ScriptedScenario<Data = unknown> extends ScenarioBase {
  exec(context: ScenarioContext<Data>): Promise<unknown> | unknown;
  /** Rows to take from, one an iteration. */
  readonly feed?: Feed<unknown>;
}

export type Scenario<Data = unknown> = FixedScenario | ScriptedScenario<Data>;

/** What `setup` and `teardown` work with. */
export interface SetupContext {
  request(method: string, path: string, options?: ScenarioRequestOptions): Promise<LoadResponse>;
}

/** A load test. */
export interface LoadDefinition<Data = unknown> {
  /** Where the requests go: `http://127.0.0.1:8080`. Only loopback, unless the run allows the host by name. */
  readonly target: string;
  readonly arrival: Arrival;
  /** Default: one scenario that gets the target's path. */
  readonly scenarios?: Readonly<Record<string, Scenario<Data>>>;
  /** Instead of scenarios: clients that stay connected; the arrival is that of their messages. */
  readonly sockets?: LiveSockets;
  /** Processes to start before the load and stop after it, such as the target itself. */
  readonly processes?: Readonly<Record<string, OwnProcess>>;
  /** What goes wrong with those processes, and when. */
  readonly faults?: readonly FaultStep[];
  /** k6's grammar: `{ latency: ['p(99)<200'], 'errors{scenario:checkout}': ['rate<0.001'] }`. */
  readonly thresholds?: Readonly<Record<string, readonly ThresholdInput[]>>;
  /** Fields every request carries. */
  readonly headers?: Readonly<Record<string, string>>;
  /** Runs once before the load, in one process; what it returns is every iteration's `data`. It must be plain data. */
  setup?(context: SetupContext): Promise<Data> | Data;
  /** Runs once after the load. */
  teardown?(data: Data, context: SetupContext): Promise<void> | void;
}

const DEFINITION_KEYS = 'target arrival scenarios sockets processes faults thresholds headers setup teardown'.split(' ');
const SCENARIO_KEYS = ['weight', 'class', 'exec', 'feed', 'requests', 'order'];
const REQUEST_KEYS = ['method', 'path', 'weight', 'name', 'class', 'expect', 'headers', 'body', 'json'];

/**
 * Checks a definition and gives it its types. A load file exports the result as its default.
 *
 * @throws ConfigError with every problem at once: a misspelt `thresholds` would otherwise pass every run.
 */
export function defineLoad<Data = unknown>(definition: LoadDefinition<Data>): LoadDefinition<Data> {
  const problems: Problem[] = [...unknownKeys('', definition, DEFINITION_KEYS), ...thresholdProblems(definition.thresholds)];
  if (!URL.canParse(definition.target) || !/^https?:$/.test(new URL(definition.target).protocol)) {
    const fix = /^[\w.-]+(?::\d+)?(?:\/|$)/.test(definition.target) ? `write 'http://${definition.target}'` : undefined;
    problems.push({ path: 'target', message: `${show(definition.target)} is not an http or https URL`, ...(fix && { fix }) });
  }
  if (!['open', 'closed', 'replay'].includes(definition.arrival?.model)) {
    problems.push({
      path: 'arrival',
      message: 'is missing',
      fix: `for example constant('200/s').for('30s') or users(50).thinking('1s').for('30s')`,
    });
  }
  for (const [name, scenario] of Object.entries(definition.scenarios ?? {})) {
    if (!('exec' in scenario) && !('requests' in scenario && scenario.requests.length > 0)) {
      problems.push({ path: `scenarios.${name}`, message: 'does nothing', fix: 'give it exec, or requests' });
    }
    problems.push(...unknownKeys(`scenarios.${name}`, scenario, SCENARIO_KEYS), ...requestProblems(name, scenario));
    if (scenario.weight !== undefined && !(scenario.weight > 0)) {
      problems.push({ path: `scenarios.${name}.weight`, message: `${show(scenario.weight)} is not a number above 0` });
    }
  }
  if (definition.sockets && definition.arrival?.model === 'closed') {
    problems.push({
      path: 'arrival',
      message: 'is a closed model',
      fix: 'messages over sockets come at a rate: constant, ramp, …',
    });
  }
  for (const [at, step] of (definition.faults ?? []).entries()) {
    const name = Object.entries(step).find(([key]) => ['stall', 'kill', 'killChild', 'restart'].includes(key))?.[1] as
      | string
      | undefined;
    if (name === undefined || !(name in (definition.processes ?? {}))) {
      problems.push({
        path: `faults[${at}]`,
        message: `${show(name)} is no process of this run`,
        fix: 'declare it under processes',
      });
    }
    if (parseDuration(step.at) === undefined)
      problems.push({ path: `faults[${at}].at`, message: `${show(step.at)} is not a duration such as '10s'` });
  }
  if (definition.sockets) parseOptions(liveSockets, definition.sockets, 'defineLoad({ sockets })');
  if (problems.length > 0) throw new ConfigError('defineLoad(definition)', problems);
  return definition;
}

function requestProblems<Data>(scenario: string, body: Scenario<Data>): Problem[] {
  // A recording holds a million of them, which nobody wrote by hand.
  if (!('requests' in body) || body.order) return [];
  return body.requests.flatMap((request, at) => {
    const path = `scenarios.${scenario}.requests[${at}]`;
    const problems = unknownKeys(path, request, REQUEST_KEYS);
    if (!String(request.path).startsWith('/'))
      problems.push({ path: `${path}.path`, message: `${show(request.path)} does not begin with /` });
    if (request.weight !== undefined && !(request.weight > 0))
      problems.push({ path: `${path}.weight`, message: `${show(request.weight)} is not a number above 0` });
    return problems;
  });
}

function unknownKeys(path: string, value: object, known: readonly string[]): Problem[] {
  return Object.keys(value)
    .filter((key) => !known.includes(key))
    .map((key) => {
      const near = nearestName(key, known);
      const fix = near === undefined ? `there are ${known.join(', ')}` : `did you mean '${near}'?`;
      return { path: path === '' ? key : `${path}.${key}`, message: 'is unknown', fix };
    });
}
