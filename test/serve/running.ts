/** What the tests of the whole house share: a running Spillway by a config file, and requests to it. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { Agent, request } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createPolicy, loadConfig, type SpillwayConfig } from '../../src/policy/index.ts';
import { startSpillway, type Running } from '../../src/serve.ts';

export interface Answer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | undefined>>;
  readonly body: Buffer;
  readonly text: string;
}

/** What every test of the house begins with. Nothing is decided by how busy the machine is that tests. */
const BASE: SpillwayConfig = {
  listen: { port: 0 },
  admin: { port: 0 },
  workers: 2,
  shed: { shadow: true },
  limits: { storeDeadline: '10s' },
};

/** Serves on free ports by a config file, as the command line does: the workers load it by themselves. */
export async function serve(config: SpillwayConfig): Promise<Running> {
  const folder = mkdtempSync(join(tmpdir(), 'spillway-serve-'));
  const file = join(folder, 'spillway.config.json');
  writeFileSync(file, JSON.stringify({ ...BASE, ...config }));
  const loaded = await loadConfig(folder, file);
  const running = await startSpillway(createPolicy(loaded!.config), { configPath: file });
  return {
    ...running,
    stop: async () => {
      await running.stop();
      rmSync(folder, { recursive: true });
    },
  };
}

/** A request on a connection of its own, so that the kernel picks the worker anew. */
export function get(url: string, headers: Record<string, string> = {}, agent: Agent | false = false): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const sent = request(url, { headers, agent: agent === false ? new Agent() : agent }, (response) => {
      const chunks: Buffer[] = [];
      response.on('data', (chunk: Buffer) => chunks.push(chunk));
      response.on('error', reject);
      response.on('end', () => {
        const body = Buffer.concat(chunks);
        resolve({ status: response.statusCode!, headers: response.headers as Answer['headers'], body, text: body.toString() });
      });
    });
    sent.on('error', reject);
    sent.end();
  });
}

export async function control(
  running: Running,
  path: string,
  body: unknown,
): Promise<{ status: number; answer: Record<string, unknown> }> {
  const answer = await fetch(running.adminUrl + path, {
    method: 'POST',
    headers: { 'content-type': 'application/json', 'spillway-admin': '1' },
    body: JSON.stringify(body),
  });
  return { status: answer.status, answer: (await answer.json()) as Record<string, unknown> };
}

/** Asks until both workers have answered `path`, and returns every answer. */
export async function fromEveryWorker(url: string, times = 24, headers: Record<string, string> = {}): Promise<Answer[]> {
  return Promise.all(Array.from({ length: times }, () => get(url, headers)));
}

export const rendersIn = (answers: readonly Answer[]): string[] => [
  ...new Set(answers.map((answer) => /render \d+/.exec(answer.text)![0])),
];
