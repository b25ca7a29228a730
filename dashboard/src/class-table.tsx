import type { ClassRow } from '../../src/health/overview.ts';
import { ms, percent, rate } from '../../src/health/format.ts';

/** Route classes, the one that hurts most first. */
export function ClassTable({ classes }: { classes: readonly ClassRow[] }) {
  return (
    <section class="card" aria-labelledby="classes-title">
      <h2 id="classes-title">Route classes</h2>
      {classes.length === 0 ? (
        <p class="teach">
          No request has come yet. Classes appear here as soon as one of their routes is asked for; declare them under{' '}
          <code>routes</code> in spillway.config.ts.
        </p>
      ) : (
        <table>
          <thead>
            <tr>
              <th scope="col">class</th>
              <th scope="col">rate</th>
              <th scope="col">p50</th>
              <th scope="col">p95</th>
              <th scope="col">p99</th>
              <th scope="col">hits</th>
              <th scope="col">stale</th>
              <th scope="col">4xx</th>
              <th scope="col">failed</th>
              <th scope="col">timed out</th>
              <th scope="col">shed</th>
            </tr>
          </thead>
          <tbody>
            {classes.map((row) => (
              <Row key={row.name} row={row} />
            ))}
          </tbody>
        </table>
      )}
    </section>
  );
}

function Row({ row }: { row: ClassRow }) {
  const late = row.p95Ms !== null && row.objectiveMs !== null && row.p95Ms > row.objectiveMs;
  return (
    <tr data-class={row.name}>
      <th scope="row">{row.name}</th>
      <td data-label="rate">{rate(row.rate)}</td>
      <td data-label="p50">{ms(row.p50Ms)}</td>
      <td data-label="p95" data-tone={late ? 'bad' : undefined}>
        {ms(row.p95Ms)}
        {row.objectiveMs !== null && <small> of {ms(row.objectiveMs)}</small>}
      </td>
      <td data-label="p99">{ms(row.p99Ms)}</td>
      <td data-label="hits">{percent(row.hitRatio)}</td>
      <td data-label="stale">{rate(row.stalePerSecond)}</td>
      <td data-label="4xx">{percent(row.clientErrorShare)}</td>
      <td data-label="failed" data-tone={row.errorShare >= 0.05 ? 'bad' : row.errorShare > 0.005 ? 'warn' : undefined}>
        {percent(row.errorShare)}
      </td>
      <td data-label="timed out" data-tone={row.timeoutsPerSecond > 0 ? 'warn' : undefined}>
        {rate(row.timeoutsPerSecond)}
      </td>
      <td data-label="shed" data-tone={row.shedPerSecond > 0 ? 'bad' : undefined}>
        {rate(row.shedPerSecond)}
      </td>
    </tr>
  );
}
