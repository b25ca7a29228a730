export { UnreliableStore, type UnreliableStoreOptions } from './unreliable-store.ts';
