/** What the guards in the workers are to do. */
export interface GuardOrders {
  /** Write every request down before it begins. */
  readonly write: boolean;
  /** Report when one of these is answered. */
  readonly suspects: readonly string[];
  /** Refuse these. */
  readonly quarantine: readonly { readonly fingerprint: string; readonly forMs: number }[];
}

/** What the primary tells a worker. Handles travel beside the message. */
export type ToWorker =
  | { readonly type: 'welcome'; readonly id: number; readonly slot: number; readonly sockets: readonly string[] }
  | { readonly type: 'socket'; readonly name: string }
  /** A further socket to listen on, of a slot that has no worker any more. */
  | { readonly type: 'adopt'; readonly call: number; readonly name: string }
  | { readonly type: 'ask'; readonly call: number; readonly kind: string; readonly payload: unknown }
  | { readonly type: 'deliver'; readonly call: number; readonly channel: string; readonly message: string }
  | { readonly type: 'answer'; readonly call: number; readonly value: unknown }
  | { readonly type: 'failed'; readonly call: number; readonly message: string }
  | { readonly type: 'published'; readonly call: number; readonly acknowledged: number; readonly missing: number }
  | { readonly type: 'guard'; readonly orders: GuardOrders }
  | { readonly type: 'drain'; readonly withinMs: number };

/** What a worker tells the primary. */
export type ToPrimary =
  | { readonly type: 'joined' }
  | { readonly type: 'ready' }
  | {
      readonly type: 'beat';
      readonly utilisation: number;
      readonly memoryBytes: number;
      /** Requests its guard has refused since the last beat. */
      readonly refused: number;
    }
  /** A request that was in flight when a worker died was answered here. */
  | { readonly type: 'survived'; readonly fingerprint: string }
  | { readonly type: 'answer'; readonly call: number; readonly value: unknown }
  | { readonly type: 'failed'; readonly call: number; readonly message: string }
  | { readonly type: 'ask'; readonly call: number; readonly kind: string; readonly payload: unknown }
  | { readonly type: 'publish'; readonly call: number; readonly channel: string; readonly message: string };
