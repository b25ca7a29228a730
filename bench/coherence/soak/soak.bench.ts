import type { Study } from '../../harness/index.ts';
import { soaked } from './report.ts';

const study: Study = {
  name: 'coherence/soak',
  study: () => soaked({ bench: 'coherence/soak', title: 'A fleet under random faults', cluster: false, minutes: 10 }),
};

export default study;
