import { formatDuration, formatPath, nearestName, type Problem } from '../kernel/index.ts';
import ipaddr from 'ipaddr.js';
import { BUILT_IN_CLASSES } from './built-in-classes.ts';
import { builtInLayer, merge } from './merge.ts';
import { parsePattern, shapeOf, type Pattern } from './pattern.ts';
import type { ParsedConfig } from './schema.ts';
import type { TrafficOptions } from './sections/traffic.ts';
import { paramsOfTag } from './tags.ts';

type Keys = readonly PropertyKey[];
type Report = (keys: Keys, message: string, fix?: string) => void;
type Route = ParsedConfig['routes'][string];

/** Names as the user wrote them, also of what is wrong in itself: a route may still mention them. */
export interface DeclaredNames {
  readonly classes: readonly string[];
  readonly upstreams: readonly string[];
}

/** What no section can see alone: names that nobody declared, values that contradict one another. */
export function checkConfig(config: ParsedConfig, declared: DeclaredNames): Problem[] {
  const problems: Problem[] = [];
  const report: Report = (keys, message, fix) =>
    problems.push({ path: formatPath(keys), keys, message, ...(fix === undefined ? {} : { fix }) });
  checkListeners(config, report);
  checkWorkers(config, report);
  checkTrustedProxies(config, report);
  for (const [name, values] of Object.entries(config.classes)) checkTraffic(values, [], ['classes', name], name, report);
  checkRoutes(config, declared, report);
  checkCaches(config, declared, report);
  return problems;
}

function checkListeners({ listen, admin }: ParsedConfig, report: Report): void {
  if (listen.port !== 0 && listen.port === admin.port && overlap(listen.host, admin.host))
    report(['admin', 'port'], `${admin.port} is the port of the site too`, 'give one of them another port');
  if (!isLoopback(admin.host) && admin.token === undefined)
    report(
      ['admin', 'host'],
      `'${admin.host}' is reached from the network, and there is no token`,
      'set `admin.token`, or listen on 127.0.0.1',
    );
  if (listen.headersTimeoutMs > listen.requestTimeoutMs)
    report(
      ['listen', 'headersTimeout'],
      `is longer than requestTimeout (${formatDuration(listen.requestTimeoutMs)}), which ends first`,
      'a head is part of its request: make it the shorter one',
    );
}

function checkWorkers({ workers }: ParsedConfig, report: Report): void {
  if (workers.min > workers.max) report(['workers'], `min (${workers.min}) is more than max (${workers.max})`);
}

function checkTrustedProxies({ trustedProxies }: ParsedConfig, report: Report): void {
  for (const [index, text] of trustedProxies.entries()) {
    if (text === 'loopback' || text === 'private' || ipaddr.isValid(text) || ipaddr.isValidCIDR(text)) continue;
    report(
      ['trustedProxies', index],
      `'${text}' is neither an address nor a subnet`,
      `write '10.0.0.1', '10.0.0.0/8', 'loopback' or 'private'`,
    );
  }
}

function checkRoutes(config: ParsedConfig, declared: DeclaredNames, report: Report): void {
  const seen = new Map<string, string>();
  for (const [text, route] of Object.entries(config.routes)) {
    const at = ['routes', text];
    checkClass(route.class, declared, at, report);
    checkUpstream(route, declared, at, report);
    checkTraffic(route, classLayers(config, route.class), at, route.class, report);
    const pattern = parsePattern(text);
    if ('message' in pattern) {
      report(at, pattern.message, pattern.fix);
      continue;
    }
    checkTags(route, pattern, at, report);
    const twin = seen.get(shapeOf(pattern));
    if (twin !== undefined) report(at, `matches the same paths as '${twin}'`, 'keep one of them');
    seen.set(shapeOf(pattern), text);
  }
}

function checkCaches(config: ParsedConfig, declared: DeclaredNames, report: Report): void {
  const check = ({ class: name }: { readonly class?: string | undefined }, at: Keys): void => {
    if (name === undefined) return;
    checkClass(name, declared, at, report);
    const isIdle = classLayers(config, name)[0]?.cache === false;
    if (isIdle) report([...at, 'class'], `'${name}' has no times: its \`cache\` is false`, 'name another class, or give a ttl');
  };
  for (const [name, cache] of Object.entries(config.caches)) {
    if (name === 'pages') report(['caches', name], 'is the name of the cache of stored pages', 'take another one');
    check(cache, ['caches', name]);
    for (const [prefix, rule] of Object.entries(cache.rules)) check(rule, ['caches', name, 'rules', prefix]);
  }
}

function checkClass(name: string, declared: DeclaredNames, at: Keys, report: Report): void {
  const known = [...new Set([...Object.keys(BUILT_IN_CLASSES), ...declared.classes])];
  if (!known.includes(name)) report([...at, 'class'], `there is no class '${name}'`, suggestion(name, known));
}

function checkUpstream(route: Route, { upstreams }: DeclaredNames, at: Keys, report: Report): void {
  if (route.upstream === undefined) {
    if (upstreams.length > 1)
      report(at, 'names no upstream, and there are several', `say which: ${upstreams.map((name) => `'${name}'`).join(', ')}`);
  } else if (!upstreams.includes(route.upstream)) {
    const fix = upstreams.length === 0 ? 'declare it under `upstreams`' : suggestion(route.upstream, upstreams);
    report([...at, 'upstream'], `there is no upstream '${route.upstream}'`, fix);
  }
}

function suggestion(word: string, known: readonly string[]): string {
  const near = nearestName(word, known);
  return near ? `did you mean '${near}'?` : `allowed: ${known.join(', ')}`;
}

function checkTags(route: Route, pattern: Pattern, at: Keys, report: Report): void {
  for (const [index, tag] of (route.tags ?? []).entries()) {
    const keys = [...at, 'tags', index];
    const asText = pattern.params.find((name) => new RegExp(`\\w:${name}$`).test(tag));
    if (asText !== undefined)
      report(keys, `':${asText}' is text in '${tag}', not the parameter`, `write '${tag.replace(/:\w+$/, '')}::${asText}'`);
    for (const name of paramsOfTag(tag)) {
      if (pattern.params.includes(name)) continue;
      const fix = pattern.params.length > 0 ? suggestion(name, pattern.params) : 'a tag without parameters has no leading colon';
      report(keys, `the pattern has no parameter ':${name}'`, fix);
    }
  }
}

/** Values of one class or route that make no sense beside one another, or beside what they are merged over. */
function checkTraffic(own: TrafficOptions, below: readonly TrafficOptions[], at: Keys, className: string, report: Report): void {
  const builtIn = builtInLayer(className);
  const layers = [own, ...below].map((values) => ({ values, from: builtIn.from }));
  const { values } = merge([...layers, builtIn]);
  checkTimes(own, values, at, report);
  if (own.cache === false) {
    const idle = CACHE_KEYS.find((key) => own[key] !== undefined);
    if (idle) report([...at, idle], 'has no effect: `cache` is false', 'leave one of them out');
  }
  for (const [index, limit] of (own.limit ?? []).entries()) {
    if (limit.burst !== undefined && limit.algorithm === 'sliding')
      report([...at, 'limit', index, 'burst'], `'sliding' knows no burst`, `write algorithm: 'smooth', or leave burst out`);
  }
}

const CACHE_KEYS = ['freshness', 'revalidate', 'memoryTtl', 'storeTtl', 'grace', 'forceAfter', 'query', 'varyHeaders'] as const;

function checkTimes(own: TrafficOptions, values: TrafficOptions, at: Keys, report: Report): void {
  const { revalidate, memoryTtl, storeTtl, grace, forceAfter } = values as Required<TrafficOptions>;
  const said = (...keys: (keyof TrafficOptions)[]): keyof TrafficOptions | undefined =>
    keys.find((key) => own[key] !== undefined);
  const lateRevalidate = said('revalidate', 'grace', 'storeTtl');
  if (revalidate > storeTtl + grace && lateRevalidate)
    report(
      [...at, lateRevalidate],
      `answers would be gone (storeTtl ${formatDuration(storeTtl)} + grace ${formatDuration(grace)}) before they are made anew (revalidate ${formatDuration(revalidate)})`,
      'lower revalidate, or raise grace',
    );
  const longMemory = said('memoryTtl', 'storeTtl');
  if (memoryTtl > storeTtl && longMemory)
    report(
      [...at, longMemory],
      `a process would keep answers (memoryTtl ${formatDuration(memoryTtl)}) longer than the store calls them fresh (storeTtl ${formatDuration(storeTtl)})`,
      'lower memoryTtl, or raise storeTtl',
    );
  const lateForce = said('forceAfter', 'revalidate');
  if (forceAfter < revalidate && lateForce)
    report(
      [...at, lateForce],
      `forceAfter (${formatDuration(forceAfter)}) comes before revalidate (${formatDuration(revalidate)}), which so never happens`,
      'raise forceAfter, or lower revalidate',
    );
}

function classLayers(config: ParsedConfig, className: string): TrafficOptions[] {
  const declared = Object.hasOwn(config.classes, className) ? config.classes[className] : undefined;
  return declared ? [declared] : [];
}

function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '::1' || host.startsWith('127.');
}

/** Whether two listeners on one port would meet. */
function overlap(a: string, b: string): boolean {
  const everywhere = (host: string): boolean => host === '0.0.0.0' || host === '::';
  return a === b || everywhere(a) || everywhere(b) || (isLoopback(a) && isLoopback(b));
}
