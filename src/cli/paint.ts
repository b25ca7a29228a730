import { styleText } from 'node:util';

type Style = Parameters<typeof styleText>[0];

/** Colours by what they mean. */
export interface Paint {
  readonly on: boolean;
  title(text: string): string;
  good(text: string): string;
  warning(text: string): string;
  bad(text: string): string;
  name(text: string): string;
  quiet(text: string): string;
  link(text: string): string;
}

/** NO_COLOR and FORCE_COLOR as no-color.org and Node have them; otherwise only a terminal gets colour. */
export function wantsColour(isTTY: boolean | undefined, env: Readonly<Record<string, string | undefined>>): boolean {
  if (env['NO_COLOR']) return false;
  if (env['FORCE_COLOR'] !== undefined) return env['FORCE_COLOR'] !== '0';
  return isTTY === true && env['TERM'] !== 'dumb';
}

export function createPaint(on: boolean): Paint {
  const style =
    (format: Style) =>
    (text: string): string =>
      on ? styleText(format, text, { validateStream: false }) : text;
  return {
    on,
    title: style('bold'),
    good: style('green'),
    warning: style('yellow'),
    bad: style('red'),
    name: style('cyan'),
    quiet: style('dim'),
    link: style('underline'),
  };
}
