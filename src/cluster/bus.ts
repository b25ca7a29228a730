import { messageOf } from '../kernel/index.ts';
import type { Bus, BusReceipt } from '../ports/index.ts';

type Listener = (message: string) => void | Promise<void>;

/**
 * The bus between the processes of one cluster, over the pipes Node lays between them. `send` takes a message to all
 * other processes and settles with who confirmed it.
 */
export class ClusterBus implements Bus {
  readonly #send: (channel: string, message: string) => Promise<BusReceipt>;
  readonly #listeners = new Map<string, Set<Listener>>();

  constructor(send: (channel: string, message: string) => Promise<BusReceipt>) {
    this.#send = send;
  }

  publish(channel: string, message: string): Promise<BusReceipt> {
    return this.#send(channel, message);
  }

  subscribe(channel: string, listener: Listener): () => void {
    let listeners = this.#listeners.get(channel);
    if (!listeners) this.#listeners.set(channel, (listeners = new Set()));
    listeners.add(listener);
    return () => void listeners.delete(listener);
  }

  /** A pipe loses nothing while both its ends live, and a process that starts anew knows nothing stale. */
  onGap(): () => void {
    return () => {};
  }

  close(): Promise<void> {
    this.#listeners.clear();
    return Promise.resolve();
  }

  /** A message of another process came. Settles when every listener has handled it; rejects when one failed. */
  async deliver(channel: string, message: string): Promise<void> {
    const outcomes = await Promise.allSettled(
      [...(this.#listeners.get(channel) ?? [])].map(async (listener) => listener(message)),
    );
    const failed = outcomes.find((outcome) => outcome.status === 'rejected');
    if (failed) throw new Error(`a subscriber of '${channel}' failed: ${messageOf(failed.reason)}`);
  }
}
