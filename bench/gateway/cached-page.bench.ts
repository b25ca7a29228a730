import { cachedBench } from './cached-bench.ts';

export default cachedBench('gateway/cached-page', 'Gateway: a cached 10 KB page', 10_240);
