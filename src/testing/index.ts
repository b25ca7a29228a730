export { KV_STORE_CONTRACT, type KvStoreCase, type KvStoreRig } from './kv-store-contract.ts';
export { UnreliableStore, type UnreliableStoreOptions } from './unreliable-store.ts';
