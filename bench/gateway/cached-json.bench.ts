import { cachedBench } from './cached-bench.ts';

export default cachedBench('gateway/cached-json', 'Gateway: a cached JSON answer', 200);
