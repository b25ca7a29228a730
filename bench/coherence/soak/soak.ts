import { fork, type ChildProcess } from 'node:child_process';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { randomInt, seededRandom, type Random } from '../../../src/kernel/index.ts';
import { redisCli, startRedis, startRedisCluster, type RedisServer } from '../../../test/servers/index.ts';
import { Link } from './link.ts';
import { KEYS, TAGS, tagOf, type Change, type FromNode, type NodeSettings, type Tally, type ToNode } from './protocol.ts';

export interface SoakOptions {
  readonly forMs: number;
  readonly seed: number;
  readonly processes: number;
  /** Three masters in place of one server. */
  readonly cluster: boolean;
}

export interface SoakResult extends Tally {
  readonly loads: number;
  readonly acknowledged: number;
  readonly unhandled: number;
  readonly faults: Readonly<Record<string, number>>;
}

const INVALIDATE_EVERY_MS = 25;
const LOAD_MS = 20;
const PAUSE_BETWEEN_FAULTS_MS = 1500;
const LONGEST_FAULT_MS = 3000;
const NOTHING: Tally = { reads: 0, tooOld: 0, oldestMs: 0, failed: 0 };

/** A process of the fleet, with its own way to each server. It is started again when it was killed. */
class Node {
  readonly #links: ReadonlyMap<RedisServer, Link>;
  readonly #settings: NodeSettings;
  readonly #soak: Soak;
  #child: ChildProcess | undefined;
  /** Of its processes that are gone, and of the one that runs. */
  #past = NOTHING;
  #present = NOTHING;

  constructor(soak: Soak, links: ReadonlyMap<RedisServer, Link>, settings: Omit<NodeSettings, 'ports'>) {
    this.#soak = soak;
    this.#links = links;
    this.#settings = { ...settings, ports: Array.from(links, ([server, link]) => [server.port, link.port]) };
  }

  linkTo(server: RedisServer): Link {
    return this.#links.get(server)!;
  }

  closeLinks(): void {
    for (const link of this.#links.values()) link.close();
  }

  get tally(): Tally {
    return sum(this.#past, this.#present);
  }

  start(): Promise<void> {
    const child = fork(join(import.meta.dirname, 'node.ts'), [JSON.stringify(this.#settings)], {
      execArgv: ['--conditions=source'],
      stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
    });
    this.#child = child;
    return new Promise((resolve) => {
      child.on('message', (message: FromNode) => {
        if (message.kind === 'ready') resolve();
        else if (message.kind === 'tally') this.#present = message.tally;
        else this.#soak.hear(this, message);
      });
      child.on('exit', () => resolve());
    });
  }

  tell(message: ToNode): void {
    if (this.#child?.connected) this.#child.send(message, () => {});
  }

  signal(signal: NodeJS.Signals): void {
    this.#child?.kill(signal);
  }

  kill(): void {
    this.signal('SIGKILL');
    this.#past = this.tally;
    this.#present = NOTHING;
  }
}

/** A fleet that reads, a source that changes, and faults in between. */
class Soak {
  readonly #random: Random;
  readonly #options: SoakOptions;
  readonly #servers: readonly RedisServer[];
  readonly #nodes: Node[] = [];
  /** The source of truth: the version of every key. */
  readonly #versions: number[] = Array.from({ length: KEYS }, () => 1);
  readonly #waiting = new Map<number, readonly (readonly [number, number])[]>();
  readonly #faults: Record<string, number> = {};
  #ids = 0;
  #loads = 0;
  #acknowledged = 0;
  #unhandled = 0;
  #over = false;

  constructor(servers: readonly RedisServer[], options: SoakOptions) {
    this.#servers = servers;
    this.#options = options;
    this.#random = seededRandom(options.seed);
  }

  async run(): Promise<SoakResult> {
    for (let at = 0; at < this.#options.processes; at++) {
      // Every third one listens where the others are tracked: they must hear of each other.
      const coherence = at % 3 === 2 ? 'pubsub' : 'tracking';
      const links = new Map<RedisServer, Link>();
      for (const server of this.#servers) links.set(server, await Link.to(server.port));
      const node = new Node(this, links, { coherence, cluster: this.#options.cluster });
      this.#nodes.push(node);
      await node.start();
    }
    const work = [this.#change(), this.#breakThings()];
    await delay(this.#options.forMs);
    this.#over = true;
    await Promise.all(work);
    await delay(1000);
    for (const node of this.#nodes) {
      node.kill();
      node.closeLinks();
    }
    return {
      ...this.#nodes.map((node) => node.tally).reduce(sum),
      loads: this.#loads,
      acknowledged: this.#acknowledged,
      unhandled: this.#unhandled,
      faults: this.#faults,
    };
  }

  hear(node: Node, message: Exclude<FromNode, { kind: 'ready' | 'tally' }>): void {
    if (message.kind === 'unhandled') {
      this.#unhandled++;
      console.error(`unhandled: ${message.error}`);
    } else if (message.kind === 'load') void this.#load(node, message.id, message.key);
    else {
      const versions = this.#waiting.get(message.id)!;
      this.#waiting.delete(message.id);
      this.#acknowledged++;
      for (const each of this.#nodes) each.tell({ kind: 'acknowledged', atMs: message.atMs, versions });
    }
  }

  /** The value is as of when the load began; it arrives later. */
  async #load(node: Node, id: number, key: number): Promise<void> {
    this.#loads++;
    const version = this.#versions[key]!;
    await delay(LOAD_MS * Math.random());
    node.tell({ kind: 'loaded', id, version });
  }

  async #change(): Promise<void> {
    while (!this.#over) {
      await delay(INVALIDATE_EVERY_MS);
      const change = this.#pickChange();
      const keys =
        change.by === 'key' ? [change.key] : this.#versions.map((_, key) => key).filter((key) => tagOf(key) === change.tag);
      const id = ++this.#ids;
      this.#waiting.set(
        id,
        keys.map((key) => [key, ++this.#versions[key]!] as const),
      );
      this.#pickNode().tell({ kind: 'invalidate', id, change });
    }
  }

  #pickChange(): Change {
    const chance = this.#random.next();
    if (chance < 0.9) return { by: 'key', key: randomInt(this.#random, KEYS) };
    return { by: chance < 0.96 ? 'tag' : 'pattern', tag: randomInt(this.#random, TAGS) };
  }

  #pickNode(): Node {
    return this.#nodes[randomInt(this.#random, this.#nodes.length)]!;
  }

  #pickServer(): RedisServer {
    return this.#servers[randomInt(this.#random, this.#servers.length)]!;
  }

  async #breakThings(): Promise<void> {
    const kinds = Object.entries(this.#kindsOfFault());
    while (!this.#over) {
      await delay(PAUSE_BETWEEN_FAULTS_MS * this.#random.next());
      const [name, fault] = kinds[randomInt(this.#random, kinds.length)]!;
      this.#faults[name] = (this.#faults[name] ?? 0) + 1;
      await fault(this.#pickNode(), this.#pickServer(), LONGEST_FAULT_MS * this.#random.next() ** 2);
    }
  }

  #kindsOfFault(): Readonly<Record<string, Fault>> {
    return this.#options.cluster ? { ...FAULTS, 'slots moved': (_, server) => this.#moveSlots(server) } : FAULTS;
  }

  /** With their keys. Refused while a master is not yet back among the others. */
  async #moveSlots(from: RedisServer): Promise<void> {
    const others = this.#servers.filter((server) => server !== from);
    const to = others[randomInt(this.#random, others.length)]!;
    try {
      const [source, target] = [from, to].map(({ port }) => redisCli(port, ['cluster', 'myid']).trim());
      const way = ['--cluster-from', source!, '--cluster-to', target!, '--cluster-slots', '100', '--cluster-yes'];
      redisCli(from.port, ['--cluster', 'reshard', `127.0.0.1:${from.port}`, ...way]);
    } catch {
      this.#faults['slots moved, refused'] = (this.#faults['slots moved, refused'] ?? 0) + 1;
    }
  }
}

type Fault = (node: Node, server: RedisServer, forMs: number) => Promise<unknown>;

const command =
  (...words: string[]): Fault =>
  async (_, { port }) =>
    redisCli(port, words);

/** To one process, or to one server. */
const FAULTS: Readonly<Record<string, Fault>> = {
  'process killed': (node) => (node.kill(), node.start()),
  'process frozen': async (node, _, forMs) => {
    node.signal('SIGSTOP');
    await delay(forMs);
    node.signal('SIGCONT');
  },
  'connections cut': async (node, server) => node.linkTo(server).cut(),
  'connections silent': async (node, server, forMs) => {
    node.linkTo(server).silence(true);
    await delay(forMs);
    node.linkTo(server).silence(false);
  },
  'Redis frozen': async (_, server, forMs) => {
    server.process.freeze();
    await delay(forMs);
    server.process.thaw();
  },
  'Redis killed, and back empty': async (_, server, forMs) => {
    await server.process.kill();
    await delay(forMs);
    await server.restart();
  },
  'CLIENT KILL of all': command('client', 'kill', 'type', 'normal'),
  'CLIENT KILL of those that listen': command('client', 'kill', 'type', 'pubsub'),
  'CLIENT PAUSE': (node, server, forMs) => command('client', 'pause', String(Math.ceil(forMs / 3)), 'WRITE')(node, server, forMs),
  FLUSHALL: command('flushall'),
};

function sum(one: Tally, other: Tally): Tally {
  return {
    reads: one.reads + other.reads,
    tooOld: one.tooOld + other.tooOld,
    oldestMs: Math.max(one.oldestMs, other.oldestMs),
    failed: one.failed + other.failed,
  };
}

export async function soak(options: SoakOptions): Promise<SoakResult> {
  const started = options.cluster ? await startRedisCluster() : await startRedis();
  const servers = 'nodes' in started ? started.nodes : [started];
  try {
    return await new Soak(servers, options).run();
  } finally {
    await started.stop();
  }
}
