export { spillway, spillway as default } from './integration.ts';
export type { SpillwayLocals } from './locals.ts';
export type { AstroOptions } from './options.ts';
