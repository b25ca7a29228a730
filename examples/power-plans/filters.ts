import { filterVocabulary, TEXAS_ELECTRICITY } from 'spillway/routes';
import type { Plan } from './plans.ts';

export type FilterName = keyof typeof TEXAS_ELECTRICITY.filters;

interface Filter {
  readonly label: string;
  /** As part of a headline, before the word plans: `12-month fixed-rate electricity plans in Dallas`. */
  readonly phrase: string;
  readonly matches: (plan: Plan) => boolean;
}

const term = (months: number): Filter => ({
  label: `${months} months`,
  phrase: `${months}-month`,
  matches: (plan) => plan.termMonths === months,
});

/** What each filter of the site's URLs means. */
export const FILTERS: Readonly<Record<FilterName, Filter>> = {
  'month-to-month': { label: 'Month to month', phrase: 'month-to-month', matches: (plan) => plan.termMonths === 1 },
  '3-month': term(3),
  '6-month': term(6),
  '12-month': term(12),
  '18-month': term(18),
  '24-month': term(24),
  '36-month': term(36),
  'fixed-rate': { label: 'Fixed rate', phrase: 'fixed-rate', matches: (plan) => plan.rate === 'fixed' },
  'variable-rate': { label: 'Variable rate', phrase: 'variable-rate', matches: (plan) => plan.rate === 'variable' },
  'green-energy': { label: '100% renewable', phrase: '100% renewable', matches: (plan) => plan.renewable === 100 },
  'no-cancellation-fee': {
    label: 'No cancellation fee',
    phrase: 'no-cancellation-fee',
    matches: (plan) => plan.cancellationFee === 0,
  },
};

const { filters, highValue, premium } = TEXAS_ELECTRICITY;

/** Knows the one URL of every combination. */
export const vocabulary = filterVocabulary({ filters, highValue, premium });

export function matchesAll(plan: Plan, names: readonly FilterName[]): boolean {
  return names.every((name) => FILTERS[name].matches(plan));
}
