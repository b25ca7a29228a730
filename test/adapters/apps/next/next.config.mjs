import { dirname, join } from 'node:path';

const here = import.meta.dirname;

/** @type {import('next').NextConfig} */
export default {
  cacheHandler: join(here, 'cache-handler.mjs'),
  cacheHandlers: { default: join(here, 'use-cache-handler.mjs') },
  cacheMaxMemorySize: 0, // Spillway has the memory tier
  experimental: { useCache: true, cpus: 1 },
  turbopack: { root: dirname(here) },
};
