import { get } from 'node:http';

/** Asks the test's origin, which counts what it is asked for. Not by `fetch`, which Next would cache by itself. */
export function count(path) {
  return new Promise((resolve, reject) => {
    get(new URL(path, process.env.ORIGIN), async (response) => {
      const chunks = await response.toArray();
      resolve(Buffer.concat(chunks).toString());
    }).on('error', reject);
  });
}
