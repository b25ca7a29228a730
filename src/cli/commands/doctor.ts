import type { Command } from 'commander';
import { httpUrl } from '../arguments.ts';
import type { CliContext } from '../context.ts';
import type { Finding } from '../examination.ts';

interface DoctorFlags {
  readonly config?: string;
  readonly origin?: string;
  readonly json?: true;
}

export function addDoctorCommand(program: Command, context: CliContext): void {
  program
    .command('doctor')
    .summary('check the config and what it depends on')
    .description(
      'Checks Node, the config, the route plan, the upstreams, Redis, the database and the ports, and says what to mend. Changes nothing.',
    )
    .option('-c, --config <file>', 'config file')
    .option('--origin <url>', 'as for start', httpUrl)
    .option('--json', 'as JSON')
    .addHelpText(
      'after',
      `
Examples:
  $ spillway doctor
  $ spillway doctor --config deploy/spillway.config.ts --json

Ends with 1 when there is a problem; warnings alone end with 0.
`,
    )
    .action(async ({ config, origin, json }: DoctorFlags) => {
      // Redis' and PostgreSQL's clients are loaded for this command only.
      const { examine } = await import('../examination.ts');
      const findings: Finding[] = [];
      for await (const finding of examine(context, config, origin)) {
        findings.push(finding);
        if (!json) context.stdout.write(render(finding, context));
      }
      if (json) context.stdout.write(`${JSON.stringify(findings, undefined, 2)}\n`);
      const problems = findings.filter((finding) => finding.state === 'problem').length;
      if (problems > 0) context.exit = 'failed';
      if (!json) context.stdout.write(summary(problems, context));
    });
}

function render({ state, subject, message, fix }: Finding, { paint }: CliContext): string {
  const mark = { fine: paint.good('✓'), warning: paint.warning('!'), problem: paint.bad('✗') }[state];
  const advice = fix === undefined ? '' : `    ${paint.good('→')} ${fix}\n`;
  return `${mark} ${paint.title(subject)}: ${message}\n${advice}`;
}

function summary(problems: number, { paint }: CliContext): string {
  if (problems === 0) return `\n${paint.good('Ready.')}\n`;
  return `\n${paint.bad(problems === 1 ? '1 problem.' : `${problems} problems.`)}\n`;
}
