import { FrameFormat } from '../../src/cache/frame.ts';
import { valueCodec } from '../../src/cache/value-codec.ts';
import { seededRandom } from '../../src/kernel/index.ts';
import type { Findings, Study } from '../harness/index.ts';

const frames = new FrameFormat<unknown>(valueCodec, 1024);
const random = seededRandom(1);
const cents = (): string => (8 + 6 * random.next()).toFixed(2);

/** A page of 60 plans, 28 KB of markup, prices and names that differ. */
const page = `<!doctype html><html lang="en"><head><title>Electricity plans in Dallas</title></head><body><main><ul>${Array.from(
  { length: 60 },
  (_, at) =>
    `<li class="plan plan--card" data-plan-id="${Math.floor(random.next() * 1e9)}"><h3 class="plan__name">Saver ${at} ${Math.floor(random.next() * 36)}</h3>` +
    `<p class="plan__price"><strong>${cents()}</strong> <span class="plan__unit">cents per kWh at 1,000 kWh</span></p>` +
    `<p class="plan__terms">12-month fixed rate, cancellation fee $${Math.floor(random.next() * 200)}, ${Math.floor(random.next() * 100)} % renewable</p>` +
    `<a class="button button--primary" href="/electricity-plans/dallas/saver-${at}">See the plan</a><a class="button" href="/compare?add=${at}">Compare</a></li>`,
).join('')}</ul></main></body></html>`;

const objects = Array.from({ length: 50 }, (_, at) => ({
  id: at,
  name: `Plan ${Math.floor(random.next() * 1e6)}`,
  price: Number(cents()),
  renewable: Math.floor(random.next() * 100),
  terms: [12, 24, 36].slice(0, 1 + Math.floor(random.next() * 3)),
}));

function framed(value: unknown) {
  const times = { storedMs: 1.7e12, freshUntilMs: 1.7e12 + 3e5, graceUntilMs: 1.7e12 + 4e6, usableUntilMs: 1.7e12 + 4e6 };
  const versions = [{ hard: '0b5e7f0e-1c1b.17', soft: '0b5e7f0e-1c1b.17' }];
  return { value, tags: ['*'], versions, times, loadMs: 12, memoryTtlMs: undefined };
}

function row(name: string, value: unknown, asJson: string): (string | number)[] {
  const stored = frames.encode(framed(value));
  const started = process.cpuUsage();
  const rounds = 2000;
  for (let at = 0; at < rounds; at++) frames.decode(stored);
  const { user, system } = process.cpuUsage(started);
  const bytes = stored.bytes.length;
  return [
    name,
    Buffer.byteLength(asJson),
    bytes,
    `${((100 * bytes) / Buffer.byteLength(asJson)).toFixed(1)} %`,
    ((user + system) / rounds).toFixed(1),
  ];
}

const study: Study = {
  name: 'cache/bytes',
  study: async (): Promise<Findings> => ({
    bench: 'cache/bytes',
    title: 'Bytes in Redis',
    what: 'What one value takes in the shared store, beside JSON (with the page as base64, as caches of bytes do), and the CPU time to read it back.',
    columns: ['value', 'JSON bytes', 'stored bytes', 'share', 'decode µs'],
    rows: [
      row(
        `HTML page, ${Math.round(page.length / 1024)} KB`,
        page,
        JSON.stringify({ value: Buffer.from(page).toString('base64') }),
      ),
      row('50 objects', objects, JSON.stringify(objects)),
    ],
  }),
};

export default study;
