import { styleText } from 'node:util';

export interface Started {
  readonly publicUrl: string;
  /** undefined: without Spillway. */
  readonly adminUrl?: string;
  readonly adminToken: string;
  readonly endpoints?: readonly string[];
  /** Of the site's processes. */
  readonly pids?: readonly number[];
  /** Pages stored already. */
  readonly warmed?: number;
  readonly tookMs: number;
}

/** Where everything is, and what to try next. */
export function report({ publicUrl, adminUrl, adminToken, endpoints, pids, warmed, tookMs }: Started): void {
  const strong = (text: string): string => styleText('bold', text);
  const quiet = (text: string): string => styleText('dim', text);
  const row = (name: string, value: string, note = ''): string => `  ${name.padEnd(11)}${value}${note && `   ${quiet(note)}`}`;
  const dallas = `${publicUrl}/electricity-plans/dallas`;
  const lines = [
    '',
    `  ${strong(adminUrl ? 'Lone Star Lights, through Spillway' : 'Lone Star Lights, without Spillway')}   ${quiet(`ready in ${(tookMs / 1000).toFixed(1)} s`)}`,
    '',
    row('Site', strong(publicUrl), warmed === undefined ? '' : `${warmed} pages of tier 1 are warm`),
    ...(adminUrl
      ? [
          row('Dashboard', strong(adminUrl)),
          row('Behind it', endpoints!.join(', '), `kill -9 ${pids!.join(' ')}: what is stored keeps serving`),
        ]
      : []),
    row('Prices', `${publicUrl}/admin/prices`, `token ${adminToken}`),
    '',
    `  ${strong('Try next, in another terminal')}`,
    `    curl -si ${dallas} | grep -iE '^(http|cache-status|etag|age)'`,
    `    curl -si '${dallas}/fixed-rate+12-month' | grep -iE '^(http|location)'`,
    `    curl -s -X POST ${publicUrl}/api/admin/plans/9/price -H 'authorization: Bearer ${adminToken}' -d '{"price": 9.5}'`,
    '',
    quiet(`  Ctrl-C stops everything.`),
    '',
  ];
  console.log(lines.join('\n'));
}
