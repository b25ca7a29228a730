import type { Random } from '../../kernel/index.ts';
import type { Strategy as StrategyName } from '../../policy/index.ts';
import { ConsistentHash } from './consistent-hash.ts';
import { LeastConnections } from './least-connections.ts';
import { Adaptive, ResponseTime } from './response-time.ts';
import { RoundRobin } from './round-robin.ts';
import type { Strategy } from './strategy.ts';

export type { Fleet, PickContext, Strategy } from './strategy.ts';

/** A strategy of its own for one balancer: some remember what they have seen. */
export function strategyNamed(name: StrategyName, random: Random): Strategy {
  switch (name) {
    case 'roundRobin':
      return new RoundRobin(false);
    case 'weighted':
      return new RoundRobin(true);
    case 'leastConnections':
      return new LeastConnections(random);
    case 'responseTime':
      return new ResponseTime(random);
    case 'adaptive':
      return new Adaptive(random);
    case 'ipHash':
      return new ConsistentHash(random, { bounded: false });
    case 'consistentHash':
      return new ConsistentHash(random, { bounded: true });
  }
}
