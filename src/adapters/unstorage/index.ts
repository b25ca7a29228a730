export { spillwayDriver, spillwayDriver as default, type ItemOptions, type UnstorageDriver } from './driver.ts';
export type { UnstorageOptions } from './options.ts';
