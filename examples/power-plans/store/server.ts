import { Pool } from 'pg';
import type { Database } from './database.ts';

/** A PostgreSQL server. */
export function openServer(url: string): Database {
  const pool = new Pool({ connectionString: url, max: 10, connectionTimeoutMillis: 10_000, query_timeout: 5000 });
  // An idle connection that breaks is replaced at the next query; without a listener it would end the process.
  pool.on('error', (error) => console.error(`PostgreSQL: ${error.message}`));
  return {
    query: async <Row>(text: string, values: readonly unknown[] = []) => (await pool.query(text, [...values])).rows as Row[],
    run: async (script) => void (await pool.query(script)),
    close: () => pool.end(),
  };
}
