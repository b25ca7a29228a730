import type { Study } from '../harness/index.ts';
import { soaked } from './soak/report.ts';

const study: Study = {
  name: 'coherence/cluster-soak',
  study: () =>
    soaked({ bench: 'coherence/cluster-soak', title: 'A fleet on Redis Cluster under random faults', cluster: true, minutes: 3 }),
};

export default study;
