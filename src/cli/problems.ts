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
      text += `\n${paint.quiet(`${number} │`)} ${cut(lines[problem.line - 1]!.trim(), context.stderr.columns - 8)}\n`;
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

function cut(text: string, columns: number): string {
  return text.length > columns ? `${text.slice(0, Math.max(columns - 1, 20))}…` : text;
}
