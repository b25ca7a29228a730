/** The example's own load, at a steady pace that a trace is long enough with. */
import { constant } from '../../../src/load/index.ts';
import load from '../../../examples/power-plans/load.ts';

export default { ...load, arrival: constant('300/s').for('60s'), thresholds: {} };
