import type { Plan } from './plans.ts';

const WHOLE = new Intl.NumberFormat('en-US');
const DOLLARS = new Intl.NumberFormat('en-US', { style: 'currency', currency: 'USD', maximumFractionDigits: 0 });

/** `12345` → `12,345`. */
export function whole(count: number): string {
  return WHOLE.format(count);
}

/** Hundredths of a cent → `12.3¢`. */
export function cents(price: number): string {
  return `${(price / 100).toFixed(1)}¢`;
}

/** A month's bill at a use and a price: `$123`. */
export function bill(price: number, usage: number): string {
  return DOLLARS.format((price * usage) / 10_000);
}

/** `1 plan`, `2 plans`. */
export function plural(count: number, noun: string): string {
  return `${whole(count)} ${noun}${count === 1 ? '' : 's'}`;
}

export function term(plan: Plan): string {
  return plan.termMonths === 1 ? 'Month to month' : `${plan.termMonths} months`;
}

export function miles(distance: number): string {
  return distance < 10 ? `${distance.toFixed(1)} mi` : `${Math.round(distance)} mi`;
}
