import { getHeapStatistics } from 'node:v8';

/** The share of V8's heap limit that is in use. */
export function heapPressure(): number {
  const { used_heap_size: used, heap_size_limit: limit } = getHeapStatistics();
  return used / limit;
}
