import type { BreakerState, EndpointState } from './conditions.ts';
import type { ServiceFacts } from './overview.ts';
import type { Change } from './timeline.ts';
import { workerNamed } from './words.ts';
import type { WorkerChange } from './workers.ts';

type NewChange = Omit<Change, 'id' | 'atMs'>;

const TURNED = {
  up: { text: 'is back', tone: 'good' },
  down: { text: 'is down', tone: 'bad' },
  draining: { text: 'drains', tone: 'info' },
} as const;

/** Finds, from one second to the next, what changed that nobody reported: endpoints and breakers that turned. */
export class ChangeWatch {
  #endpoints: ReadonlyMap<string, EndpointState['state']> = new Map();
  #breakers = new Map<string, BreakerState['state']>();

  /** The first entry of a run: a deploy when the version is another than last time. */
  startOf({ name, version }: ServiceFacts, earlier: readonly Change[]): NewChange {
    const text = `${name}${version ? ` ${version}` : ''} started`;
    const before = earlier.findLast(({ kind }) => kind === 'start' || kind === 'deploy');
    return { kind: before && before.text !== text ? 'deploy' : 'start', text, tone: 'info' };
  }

  update(workers: readonly WorkerChange[], endpoints: readonly EndpointState[], breakers: readonly BreakerState[]): NewChange[] {
    return [...workers.map(tellWorker), ...this.#turnedEndpoints(endpoints), ...this.#turnedBreakers(breakers)];
  }

  #turnedEndpoints(endpoints: readonly EndpointState[]): NewChange[] {
    const before = this.#endpoints;
    this.#endpoints = new Map(endpoints.map(({ upstream, endpoint, state }) => [`${upstream} ${endpoint}`, state]));
    return endpoints
      .filter(({ upstream, endpoint, state }) => (before.get(`${upstream} ${endpoint}`) ?? 'up') !== state)
      .map(({ upstream, endpoint, state }) => ({
        kind: 'upstream',
        text: `${endpoint} of ${upstream} ${TURNED[state].text}`,
        tone: TURNED[state].tone,
      }));
  }

  #turnedBreakers(breakers: readonly BreakerState[]): NewChange[] {
    const before = this.#breakers;
    this.#breakers = new Map(breakers.map(({ name, state }) => [name, state]));
    return breakers
      .filter(({ name, state }) => (before.get(name) ?? 'closed') !== state)
      .map(({ name, state }) => ({
        kind: 'breaker',
        text: `breaker round ${name} is ${state}`,
        tone: state === 'closed' ? 'good' : 'bad',
      }));
  }
}

function tellWorker({ name, what }: WorkerChange): NewChange {
  return {
    kind: 'worker',
    text: `${workerNamed(name)} ${what === 'gone' ? 'is gone' : what}`,
    tone: what === 'gone' ? 'bad' : 'info',
  };
}
