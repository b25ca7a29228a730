import type { Severity } from './alert-rules.ts';

/** Something that holds at this evaluation and asks for attention once it has held for `forMs`. */
export interface Finding {
  /** Unique among alerts: `SpillwayErrorsHigh`, `SpillwayBudgetBurns/availability/page`. */
  readonly key: string;
  readonly severity: Severity;
  readonly text: string;
  readonly forMs: number;
}

export interface Alert {
  readonly key: string;
  readonly severity: Severity;
  readonly text: string;
  readonly state: 'pending' | 'firing';
  /** Since when what it tells of holds, ms since the epoch. */
  readonly sinceMs: number;
  readonly firingSinceMs: number | null;
  /** Until when nobody is told; null: not silenced. */
  readonly silencedUntilMs: number | null;
}

export interface AlertTransition {
  readonly alert: Alert;
  readonly to: 'firing' | 'resolved';
}

/** An alert goes on this long after its cause was last seen, so that a value at the limit is one alert and not twenty. */
export const KEEP_FIRING_MS = 120_000;
const MAX_SILENCES = 1000;

interface Entry {
  severity: Severity;
  text: string;
  readonly sinceMs: number;
  firingSinceMs: number | null;
  clearSinceMs: number | null;
}

/** What pends and what fires. Its transitions are those of Prometheus' `for` and `keep_firing_for`. */
export class AlertBook {
  readonly #entries = new Map<string, Entry>();
  readonly #silences = new Map<string, number>();

  get alerts(): Alert[] {
    return Array.from(this.#entries, ([key, entry]) => this.#alert(key, entry));
  }

  /** Takes in all that holds now. */
  evaluate(findings: readonly Finding[], nowMs: number): AlertTransition[] {
    for (const [key, untilMs] of this.#silences) if (untilMs <= nowMs) this.#silences.delete(key);
    const transitions: AlertTransition[] = [];
    const holding = new Set(findings.map(({ key }) => key));
    for (const finding of findings) this.#hold(finding, nowMs, transitions);
    for (const [key, entry] of this.#entries) if (!holding.has(key)) this.#clear(key, entry, nowMs, transitions);
    return transitions;
  }

  /** Nobody is told of the alert until then; it still shows. */
  silence(key: string, untilMs: number): void {
    this.#silences.set(key, untilMs);
    if (this.#silences.size > MAX_SILENCES) this.#silences.delete(this.#silences.keys().next().value!);
  }

  #hold(finding: Finding, nowMs: number, transitions: AlertTransition[]): void {
    let entry = this.#entries.get(finding.key);
    if (!entry) {
      entry = { severity: finding.severity, text: finding.text, sinceMs: nowMs, firingSinceMs: null, clearSinceMs: null };
      this.#entries.set(finding.key, entry);
    }
    entry.text = finding.text;
    entry.clearSinceMs = null;
    if (entry.firingSinceMs !== null || nowMs - entry.sinceMs < finding.forMs) return;
    entry.firingSinceMs = nowMs;
    transitions.push({ alert: this.#alert(finding.key, entry), to: 'firing' });
  }

  #clear(key: string, entry: Entry, nowMs: number, transitions: AlertTransition[]): void {
    if (entry.firingSinceMs === null) return void this.#entries.delete(key);
    entry.clearSinceMs ??= nowMs;
    if (nowMs - entry.clearSinceMs < KEEP_FIRING_MS) return;
    this.#entries.delete(key);
    transitions.push({ alert: this.#alert(key, entry), to: 'resolved' });
  }

  #alert(key: string, { severity, text, sinceMs, firingSinceMs }: Entry): Alert {
    const state = firingSinceMs === null ? 'pending' : 'firing';
    return { key, severity, text, state, sinceMs, firingSinceMs, silencedUntilMs: this.#silences.get(key) ?? null };
  }
}
