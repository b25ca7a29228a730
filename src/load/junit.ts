import type { LoadReport } from './report.ts';

interface TestCase {
  readonly name: string;
  /** What went wrong; undefined: it passed. */
  readonly failure?: string;
}

/**
 * The report as JUnit XML, for build servers: one test case for the run's validity, one for each threshold, check and
 * comparison with the baseline.
 */
export function renderJUnit(report: LoadReport): string {
  const cases = casesOf(report);
  const failures = cases.filter((one) => one.failure !== undefined).length;
  const seconds = (report.elapsedMs / 1000).toFixed(3);
  const attributes = `name="spillway load ${escape(report.target)}" tests="${cases.length}" failures="${failures}" errors="0" time="${seconds}" timestamp="${report.startedAt}"`;
  const body = cases.map((one) => {
    const head = `    <testcase classname="spillway.load" name="${escape(one.name)}" time="0"`;
    return one.failure === undefined
      ? `${head}/>`
      : `${head}>\n      <failure message="${escape(one.failure)}"/>\n    </testcase>`;
  });
  return `<?xml version="1.0" encoding="UTF-8"?>\n<testsuites>\n  <testsuite ${attributes}>\n${body.join('\n')}\n  </testsuite>\n</testsuites>\n`;
}

function casesOf(report: LoadReport): TestCase[] {
  const { verdict, thresholds, checks, comparisons = [] } = report;
  return [
    { name: 'the run is valid', ...(verdict.result === 'invalid' ? { failure: verdict.reasons.join('; ') } : {}) },
    ...thresholds.map(({ subject, expression, value, passed }) => ({
      name: `${subject} ${expression}`,
      ...(passed
        ? {}
        : { failure: value === undefined ? 'nothing was measured' : `the value is ${Number(value.toPrecision(6))}` }),
    })),
    ...checks.map(({ scenario, name, passed, failed }) => ({
      name: `${scenario}: ${name}`,
      ...(failed === 0 ? {} : { failure: `failed ${failed} of ${passed + failed} times` }),
    })),
    ...comparisons.map(({ subject, before, after, regression }) => ({
      name: `${subject} is no worse than the baseline`,
      ...(regression ? { failure: `${Number(after.toPrecision(4))}, and was ${Number(before.toPrecision(4))}` } : {}),
    })),
  ];
}

/** For text and attributes; control characters XML 1.0 cannot hold are replaced. */
function escape(text: string): string {
  const named: Record<string, string> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;', "'": '&apos;' };
  // oxlint-disable-next-line no-control-regex -- these are exactly the characters to be replaced
  return text.replaceAll(/[&<>"']/g, (char) => named[char]!).replaceAll(/[\u0000-\u0008\u000b\u000c\u000e-\u001f]/g, '�');
}
