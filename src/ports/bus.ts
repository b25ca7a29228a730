/** Carries small messages to every other process of the fleet. Delivery is at most once: subscribers must survive loss. */
export interface Bus {
  /** Resolves when every process that could be reached has handled the message, or `acknowledgeMs` has passed. */
  publish(channel: string, message: string): Promise<BusReceipt>;
  /** Calls `listener` for messages of other processes; the sender goes on when its promise settles. */
  subscribe(channel: string, listener: (message: string) => void | Promise<void>): () => void;
  /** Calls `listener` whenever messages may have been missed (a reconnect, a gap in numbering). */
  onGap(listener: () => void): () => void;
  close(): Promise<void>;
}

export interface BusReceipt {
  /** Processes that confirmed. */
  readonly acknowledged: number;
  /** Processes known that did not confirm in time. */
  readonly missing: number;
}
