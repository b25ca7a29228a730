export type { Codec, Entry, EntryOptions, FillLease, FillWait, MemoryOptions, ValueStore } from './types.ts';
