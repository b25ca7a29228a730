import { fork, spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { RunningServer } from './bench.ts';

/** A TCP port on loopback that was free a moment ago. */
export async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  return port;
}

/** Runs a TypeScript file that serves on a port of its choice and then says `process.send({ url })`. */
export async function nodeServer(file: string, args: readonly string[] = []): Promise<RunningServer> {
  const child = fork(file, [...args], {
    execArgv: ['--conditions=source'],
    stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
    env: { ...process.env, NODE_ENV: 'production' },
  });
  const [message] = (await Promise.race([once(child, 'message'), endedEarly(child, file)])) as [{ url: string }];
  return { url: message.url, pids: [child.pid!], stop: () => end(child) };
}

/**
 * nginx with one worker; `http` is the inside of its http block, which must listen on `127.0.0.1:${port}`.
 *
 * @param files what lies in `$folder`, by name.
 */
export async function nginxServer(
  port: number,
  http: string,
  files: Readonly<Record<string, Buffer>> = {},
): Promise<RunningServer> {
  const folder = mkdtempSync(join(existsSync('/dev/shm') ? '/dev/shm' : tmpdir(), 'spillway-nginx-'));
  // As root its worker would become `nobody`, who may not enter the folder.
  const config = `${process.getuid?.() === 0 ? 'user root; ' : ''}worker_processes 1; daemon off; pid ${folder}/pid; error_log ${folder}/error.log;
events { worker_connections 4096; }
http { access_log off; keepalive_requests 1000000; client_body_temp_path ${folder}/body; proxy_temp_path ${folder}/proxy;
fastcgi_temp_path ${folder}/fastcgi; uwsgi_temp_path ${folder}/uwsgi; scgi_temp_path ${folder}/scgi;
${http.replaceAll('$folder', folder)} }`;
  writeFileSync(join(folder, 'nginx.conf'), config);
  for (const [name, bytes] of Object.entries(files)) writeFileSync(join(folder, name), bytes);
  const child = spawn('nginx', ['-e', `${folder}/error.log`, '-c', join(folder, 'nginx.conf')], {
    stdio: ['ignore', 'ignore', 'inherit'],
  });
  const url = `http://127.0.0.1:${port}`;
  await answers(url, child);
  return {
    url,
    pids: [child.pid!, ...childrenOf(child.pid!)],
    stop: async () => (await end(child), rmSync(folder, { recursive: true, force: true })),
  };
}

/** Varnish in memory before `backendPort`, with its default VCL. */
export async function varnishServer(port: number, backendPort: number): Promise<RunningServer> {
  const folder = mkdtempSync(join(tmpdir(), 'spillway-varnish-'));
  // Its worker runs as a user of its own.
  chmodSync(folder, 0o755);
  const child = spawn(
    'varnishd',
    ['-F', '-n', folder, '-a', `127.0.0.1:${port}`, '-b', `127.0.0.1:${backendPort}`, '-s', 'malloc,64m', '-p', 'thread_pools=1'],
    {
      stdio: ['ignore', 'ignore', 'ignore'],
    },
  );
  const url = `http://127.0.0.1:${port}`;
  await answers(url, child);
  return {
    url,
    pids: [child.pid!, ...childrenOf(child.pid!)],
    stop: async () => (await end(child), rmSync(folder, { recursive: true, force: true })),
  };
}

/** Why a program cannot take part, or undefined when it is installed. */
export function missingProgram(command: string, debianPackage: string): string | undefined {
  const folders = [...(process.env['PATH'] ?? '').split(':'), '/usr/sbin'];
  return folders.some((folder) => existsSync(join(folder, command)))
    ? undefined
    : `${command} is missing: apt-get install ${debianPackage}`;
}

async function answers(url: string, child: ChildProcess): Promise<void> {
  const deadline = performance.now() + 15_000;
  for (;;) {
    if (child.exitCode !== null) throw new Error(`${child.spawnfile} ended with ${child.exitCode}`);
    const answer = await fetch(url, { method: 'HEAD' }).catch(() => undefined);
    if (answer) return;
    if (performance.now() > deadline) throw new Error(`${child.spawnfile} does not answer on ${url}`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

async function endedEarly(child: ChildProcess, what: string): Promise<never> {
  const [code] = await once(child, 'exit');
  throw new Error(`${what} ended with ${code} before it served`);
}

async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const gone = once(child, 'exit');
  child.kill('SIGTERM');
  const forced = setTimeout(() => child.kill('SIGKILL'), 5000);
  await gone;
  clearTimeout(forced);
}

function childrenOf(pid: number): number[] {
  return readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim().split(' ').filter(Boolean).map(Number);
}
