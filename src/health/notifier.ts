import { backoffMs, BoundedQueue, Events, type Clock, type Random, type Timer } from '../kernel/index.ts';
import type { AlertsPolicy } from '../policy/index.ts';
import type { Alert } from './alert-book.ts';

type Receiver = AlertsPolicy['notify'][number];

/** What receivers are told, once per group of alerts. */
export interface Notification {
  readonly service: string;
  readonly atMs: number;
  readonly firing: readonly Alert[];
  readonly resolved: readonly Alert[];
}

/** Posts JSON; rejects when the receiver did not take it. */
export type Post = (url: string, body: string, headers: Readonly<Record<string, string>>) => Promise<void>;

export interface NotifierEvents {
  /** For receivers of type `log`. */
  line: { readonly text: string; readonly notification: Notification };
  /** A receiver could not be told after all attempts. `receiver` is its kind: its address may hold a secret. */
  undelivered: { readonly receiver: Receiver['type']; readonly error: unknown };
}

const ATTEMPTS = 4;
const MAX_WAITING = 100;

/** Tells people: alerts that come together in one message, again while they last, and when they are over. */
export class Notifier {
  readonly events = new Events<NotifierEvents>();
  readonly #service: string;
  readonly #policy: AlertsPolicy;
  readonly #clock: Clock;
  readonly #random: Random;
  readonly #post: Post;
  #firing: ReadonlyMap<string, Alert> = new Map();
  /** Alerts that someone was told of, and when last. */
  readonly #told = new Map<string, { readonly alert: Alert; readonly atMs: number }>();
  readonly #waiting = new Map<Receiver, BoundedQueue<Notification>>();
  readonly #sending = new Set<Receiver>();
  #timer: Timer | undefined;

  constructor(service: string, policy: AlertsPolicy, clock: Clock, random: Random, post: Post = postWithFetch) {
    this.#service = service;
    this.#policy = policy;
    this.#clock = clock;
    this.#random = random;
    this.#post = post;
    for (const receiver of policy.notify) this.#waiting.set(receiver, new BoundedQueue(MAX_WAITING));
  }

  /** Takes in all alerts as they are now. What is new, due again or over is told after the group wait. */
  take(alerts: readonly Alert[]): void {
    this.#firing = new Map(alerts.filter(({ state }) => state === 'firing').map((alert) => [alert.key, alert]));
    if (this.#due().length + this.#over().length > 0)
      this.#timer ??= this.#clock.setTimer(() => this.#tell(), this.#policy.groupWait);
  }

  stop(): void {
    this.#timer?.cancel();
    this.#timer = undefined;
  }

  #due(): Alert[] {
    const nowMs = this.#clock.now();
    return [...this.#firing.values()].filter(({ key, silencedUntilMs }) => {
      const toldMs = this.#told.get(key)?.atMs;
      const silenced = silencedUntilMs !== null && silencedUntilMs > nowMs;
      return !silenced && (toldMs === undefined || nowMs - toldMs >= this.#policy.repeat);
    });
  }

  #over(): Alert[] {
    return [...this.#told.values()].map(({ alert }) => alert).filter(({ key }) => !this.#firing.has(key));
  }

  #tell(): void {
    this.#timer = undefined;
    const atMs = this.#clock.now();
    const notification: Notification = { service: this.#service, atMs, firing: this.#due(), resolved: this.#over() };
    for (const { key } of notification.resolved) this.#told.delete(key);
    for (const alert of notification.firing) this.#told.set(alert.key, { alert, atMs });
    if (notification.firing.length + notification.resolved.length === 0) return;
    for (const [receiver, queue] of this.#waiting) {
      if (!queue.push(notification))
        this.events.emit('undelivered', { receiver: receiver.type, error: new Error('too many wait already') });
      void this.#drain(receiver, queue);
    }
  }

  async #drain(receiver: Receiver, queue: BoundedQueue<Notification>): Promise<void> {
    if (this.#sending.has(receiver)) return;
    this.#sending.add(receiver);
    for (let next = queue.shift(); next; next = queue.shift()) {
      try {
        await this.#deliver(receiver, next);
      } catch (error) {
        this.events.emit('undelivered', { receiver: receiver.type, error });
      }
    }
    this.#sending.delete(receiver);
  }

  async #deliver(receiver: Receiver, notification: Notification): Promise<void> {
    if (receiver.type === 'log') return this.events.emit('line', { text: textOf(notification), notification });
    const body = JSON.stringify(receiver.type === 'slack' ? slackMessage(notification) : notification);
    const headers = receiver.type === 'webhook' ? receiver.headers : {};
    for (let attempt = 0; ; attempt++) {
      try {
        return await this.#post(receiver.url, body, { 'content-type': 'application/json', ...headers });
      } catch (error) {
        if (attempt + 1 === ATTEMPTS) throw error;
        await this.#clock.sleep(backoffMs(this.#random, attempt, 1000, 30_000));
      }
    }
  }
}

/** One line an alert. */
export function textOf({ service, firing, resolved }: Notification): string {
  const lines = [
    ...firing.map((alert) => `${alert.severity === 'page' ? 'PAGE' : 'ticket'} ${alert.key}: ${alert.text}`),
    ...resolved.map((alert) => `resolved ${alert.key}`),
  ];
  return `${service}: ${lines.join('\n')}`;
}

function slackMessage(notification: Notification): unknown {
  const { service, firing, resolved } = notification;
  const block = (text: string) => ({ type: 'section', text: { type: 'mrkdwn', text: text.slice(0, 2900) } });
  return {
    text: textOf(notification).slice(0, 3000),
    blocks: [
      block(`*${service}*`),
      ...firing
        .slice(0, 20)
        .map((alert) => block(`${alert.severity === 'page' ? ':rotating_light:' : ':warning:'} *${alert.key}*\n${alert.text}`)),
      ...resolved.slice(0, 20).map((alert) => block(`:white_check_mark: *${alert.key}* is over`)),
    ],
  };
}

async function postWithFetch(url: string, body: string, headers: Readonly<Record<string, string>>): Promise<void> {
  const response = await fetch(url, { method: 'POST', body, headers, signal: AbortSignal.timeout(5000), redirect: 'error' });
  await response.body?.cancel();
  if (!response.ok) throw new Error(`the receiver answered ${response.status}`);
}
