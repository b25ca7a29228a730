/** The page every contender serves: 10 KB of HTML with the headers of a cacheable answer. */
export const body = Buffer.from(
  `<!doctype html><title>Plans</title>${'<p>12 months, 11.4 ¢/kWh, 100 % renewable</p>\n'.repeat(250)}`,
).subarray(0, 10_240);

/** Names and values in turn. */
export const headers = [
  'Content-Type',
  'text/html; charset=utf-8',
  'Content-Length',
  String(body.length),
  'Cache-Control',
  'public, max-age=3600',
  'ETag',
  '"5f3c1c7e9a4b"',
];
