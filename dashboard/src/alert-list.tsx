import type { Alert } from '../../src/health/alert-book.ts';
import type { Act } from './actions.tsx';
import { clockTime, span } from '../../src/health/format.ts';

interface AlertListProps {
  readonly alerts: readonly Alert[];
  readonly nowMs: number;
  readonly act: Act;
}

function isLoud({ state, severity }: Alert): boolean {
  return state === 'firing' && severity === 'page';
}

/** What fires and what is about to, the pages first. */
export function AlertList({ alerts, nowMs, act }: AlertListProps) {
  if (alerts.length === 0) return null;
  const order = (alert: Alert): number => (alert.state === 'firing' ? 0 : 2) + (alert.severity === 'page' ? 0 : 1);
  return (
    <section class="card alerts" data-tone={alerts.some(isLoud) ? 'bad' : 'warn'} aria-labelledby="alerts-title">
      <h2 id="alerts-title">Alerts</h2>
      <ul>
        {alerts
          .toSorted((a, b) => order(a) - order(b))
          .map((alert) => (
            <li
              key={alert.key}
              data-alert={alert.key}
              data-tone={alert.state === 'pending' ? 'warn' : alert.severity === 'page' ? 'bad' : 'warn'}
            >
              <span class="kind">{alert.state === 'pending' ? 'pending' : alert.severity}</span>
              <span class="text">
                {alert.text}
                <small>
                  {' '}
                  since {clockTime(alert.sinceMs, nowMs)}
                  {alert.silencedUntilMs !== null && `, silent for ${span(alert.silencedUntilMs - nowMs)}`}
                </small>
              </span>
              {alert.silencedUntilMs === null && (
                <button
                  type="button"
                  onClick={() =>
                    act({
                      title: `Silence ${alert.key} for an hour?`,
                      text: 'It still shows here; nobody is told of it.',
                      path: 'alerts/silence',
                      body: { alert: alert.key },
                    })
                  }
                >
                  Silence…
                </button>
              )}
            </li>
          ))}
      </ul>
    </section>
  );
}
