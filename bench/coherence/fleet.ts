import { fork, type ChildProcess } from 'node:child_process';
import { join } from 'node:path';
import type { Command, FromNode, Reply } from './protocol.ts';

/** Several processes with one contender each, and the source of their data. */
export class Fleet {
  readonly nodes: Node[] = [];
  /** What a load returns. A test changes it, or makes it wait. */
  source: (key: string, node: Node) => Promise<number> = async () => 0;
  loads = 0;
  unhandled = 0;

  readonly #newNode: () => Node;

  static async start(contender: string, url: string, size: number): Promise<Fleet> {
    const fleet = new Fleet(contender, url);
    for (let at = 0; at < size; at++) fleet.nodes.push(fleet.#newNode());
    await Promise.all(fleet.nodes.map((node) => node.ready));
    return fleet;
  }

  private constructor(contender: string, url: string) {
    this.#newNode = () => new Node(contender, url, this);
  }

  /** Starts another process in the place of one that was killed. */
  async replace(killed: Node): Promise<void> {
    const node = this.#newNode();
    this.nodes[this.nodes.indexOf(killed)] = node;
    await node.ready;
  }

  stop(): void {
    for (const node of this.nodes) node.kill();
  }
}

export class Node {
  readonly ready: Promise<{ tags: boolean; patterns: boolean }>;
  readonly #child: ChildProcess;
  readonly #waiting = new Map<number, (reply: Reply) => void>();
  #ids = 0;

  constructor(contender: string, url: string, fleet: Fleet) {
    this.#child = fork(join(import.meta.dirname, 'node.ts'), [contender, url], {
      execArgv: ['--conditions=source'],
      stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
    });
    const { promise, resolve } = Promise.withResolvers<{ tags: boolean; patterns: boolean }>();
    this.ready = promise;
    this.#child.on('exit', () => {
      for (const [id, answer] of this.#waiting) answer({ kind: 'reply', id, tookMs: 0, error: 'died' });
    });
    this.#child.on('message', (message: FromNode) => {
      if (message.kind === 'ready') resolve(message);
      else if (message.kind === 'reply') this.#waiting.get(message.id)?.(message);
      else if (message.kind === 'unhandled') fleet.unhandled++;
      else void this.#load(fleet, message.id, message.key);
    });
  }

  run(command: Omit<Command, 'id'>): Promise<Reply> {
    const id = ++this.#ids;
    return new Promise((resolve) => {
      if (!this.#child.connected) return resolve({ kind: 'reply', id, tookMs: 0, error: 'died' });
      this.#waiting.set(id, (reply) => {
        this.#waiting.delete(id);
        resolve(reply);
      });
      this.#child.send({ id, ...command });
    });
  }

  kill(): void {
    this.#child.kill('SIGKILL');
  }

  async #load(fleet: Fleet, id: number, key: string): Promise<void> {
    fleet.loads++;
    try {
      const value = await fleet.source(key, this);
      if (this.#child.connected) this.#child.send({ kind: 'loaded', id, value });
    } catch (error) {
      if (this.#child.connected) this.#child.send({ kind: 'loaded', id, error: (error as Error).message });
    }
  }
}
