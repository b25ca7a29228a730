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
  | { readonly type: 'drain'; readonly withinMs: number };

/** What a worker tells the primary. */
export type ToPrimary =
  | { readonly type: 'joined' }
  | { readonly type: 'ready' }
  | { readonly type: 'beat'; readonly utilisation: number; readonly memoryBytes: number }
  | { readonly type: 'answer'; readonly call: number; readonly value: unknown }
  | { readonly type: 'failed'; readonly call: number; readonly message: string }
  /** A further socket to listen on, of a slot that has no worker any more. */
  | { readonly type: 'adopt'; readonly call: number; readonly name: string }
  | { readonly type: 'ask'; readonly call: number; readonly kind: string; readonly payload: unknown }
  | { readonly type: 'publish'; readonly call: number; readonly channel: string; readonly message: string };
