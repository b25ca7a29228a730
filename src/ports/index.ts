export type { Bus, BusReceipt } from './bus.ts';
export type {
  CounterStore,
  CountGroup,
  PermitAnswer,
  RefundEntry,
  StoredLimit,
  StoredState,
  TakeAnswer,
  TakeRequest,
} from './counter-store.ts';
export type { Exchange } from './exchange.ts';
export type {
  Acquisition,
  FillFailure,
  KvStore,
  StoredValue,
  StoreListener,
  StoreWatch,
  StoreWrite,
  TagVersion,
} from './kv-store.ts';
export type { PreparedAnswer, PreparedAnswers, PreparedRequest } from './prepared-answer.ts';
export type { Upstream, UpstreamExchange, UpstreamReceiver, UpstreamRequest } from './upstream.ts';
