import { existsSync, readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import type { ConfigError, Problem } from '../kernel/index.ts';
import type { CliContext } from './context.ts';

/** A config's problems on one screen: each with its line of the file, what is wrong, and what to write. */
export function renderProblems(error: ConfigError, context: CliContext): string {
  const { paintError: paint } = context;
  const lines = linesOf(error.subject, context);
  const count = error.problems.length === 1 ? '1 problem' : `${error.problems.length} problems`;
  let text = `${paint.bad('✗')} ${paint.title(error.subject)}: ${count}\n`;
  let lastLine: number | undefined;
  for (const problem of error.problems) {
    if (problem.line !== undefined && problem.line !== lastLine && lines[problem.line - 1] !== undefined) {
      const number = String(problem.line).padStart(5);
      text += `\n${paint.quiet(`${number} │`)} ${excerpt(lines[problem.line - 1]!.trim(), problem, context.stderr.columns - 8)}\n`;
    } else if (problem.line === undefined || problem.line !== lastLine) text += '\n';
    lastLine = problem.line;
    text += renderProblem(problem, context);
  }
  return text;
}

function renderProblem({ path, message, fix }: Problem, { paintError: paint }: CliContext): string {
  const where = path === '' ? '' : `${paint.name(path)} `;
  return `      ${where}${message}\n${fix === undefined ? '' : `      ${paint.good('→')} ${fix}\n`}`;
}

function linesOf(file: string, { cwd }: CliContext): string[] {
  const path = resolve(cwd, file);
  return existsSync(path) ? readFileSync(path, 'utf8').split('\n') : [];
}

/** How much of a long line is shown before the place that matters. */
const LEAD_IN = 24;

/** A line of the file; of a long one the part where the problem lies. */
function excerpt(text: string, { keys = [] }: Problem, columns: number): string {
  if (text.length <= columns) return text;
  const name = keys.findLast((key) => typeof key === 'string' && text.includes(key));
  const at = name === undefined ? 0 : text.indexOf(String(name));
  const start = at + LEAD_IN < columns / 2 ? 0 : Math.min(at - LEAD_IN, text.length - columns + 1);
  const shown = start > 0 ? `…${text.slice(start)}` : text;
  return shown.length > columns ? `${shown.slice(0, columns - 1)}…` : shown;
}
