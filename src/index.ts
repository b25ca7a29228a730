/** Spillway's front door. Each room is also there by itself: `spillway/cache`, `spillway/limit`, … */
export { ConfigError, SpillwayError, type ErrorCode, type Problem } from './kernel/index.ts';
export { createPolicy, defineConfig, loadConfig, type Policy, type SpillwayConfig } from './policy/index.ts';
export { startSpillway, type Running, type ServeOptions } from './serve.ts';
export { createSpillway, type Spillway } from './spillway.ts';
