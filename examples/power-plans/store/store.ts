import { generatePlans, type Plan, type RateKind } from '../plans.ts';
import type { UtilityAreaId } from '../utility-areas.ts';
import type { Database } from './database.ts';
import { openEmbedded } from './embedded.ts';
import { openServer } from './server.ts';

export const SORTS = {
  price: 'price_1000, id',
  '-price': 'price_1000 desc, id',
  term: 'term_months, price_1000, id',
  renewable: 'renewable desc, price_1000, id',
};

/** What plans are wanted; what is undefined does not matter. Prices in hundredths of a cent. */
export interface PlanQuery {
  readonly utilityArea?: UtilityAreaId | undefined;
  readonly termMonths?: number | undefined;
  readonly rate?: RateKind | undefined;
  readonly minRenewable?: number | undefined;
  readonly maxPrice?: number | undefined;
  readonly sort: keyof typeof SORTS;
  readonly limit: number;
  readonly offset: number;
}

export interface PriceChange {
  readonly plan: Plan;
  /** Price at 1,000 kWh, hundredths of a cent. */
  readonly before: number;
  readonly after: number;
}

/** Under a lock, for processes that start at the same time: `if not exists` alone is no protection from another's creating. */
const SCHEMA = `
  select pg_advisory_xact_lock(881);
  create table if not exists plans (
    id integer primary key,
    provider text not null,
    name text not null,
    utility_area text not null,
    term_months integer not null check (term_months between 1 and 36),
    rate text not null check (rate in ('fixed', 'variable')),
    renewable integer not null check (renewable between 0 and 100),
    price_500 integer not null check (price_500 > 0),
    price_1000 integer not null check (price_1000 > 0),
    price_2000 integer not null check (price_2000 > 0),
    cancellation_fee integer not null check (cancellation_fee >= 0)
  );
  create index if not exists plans_by_area on plans (utility_area, price_1000)`;

const COLUMNS = `id, provider, name, utility_area as "utilityArea", term_months as "termMonths", rate, renewable,
  price_500 as "price500", price_1000 as "price1000", price_2000 as "price2000", cancellation_fee as "cancellationFee"`;

/** The plans in PostgreSQL, embedded or real: the same SQL. */
export class PlanStore {
  readonly #database: Database;

  constructor(database: Database) {
    this.#database = database;
  }

  /** Every plan of a utility area, cheapest at 1,000 kWh first. */
  plansIn(area: UtilityAreaId): Promise<Plan[]> {
    return this.#database.query(`select ${COLUMNS} from plans where utility_area = $1 order by ${SORTS.price}`, [area]);
  }

  async plan(id: number): Promise<Plan | undefined> {
    return (await this.#database.query<Plan>(`select ${COLUMNS} from plans where id = $1`, [id]))[0];
  }

  /** Every plan, by id. */
  allPlans(): Promise<Plan[]> {
    return this.#database.query(`select ${COLUMNS} from plans order by id`);
  }

  /** The cheapest plan of each utility area. */
  cheapest(): Promise<Plan[]> {
    return this.#database.query(`select distinct on (utility_area) ${COLUMNS} from plans order by utility_area, ${SORTS.price}`);
  }

  /** One page of the plans wanted, and how many there are in all. */
  async find(wanted: PlanQuery): Promise<{ plans: Plan[]; total: number }> {
    const where = `where ($1::text is null or utility_area = $1) and ($2::int is null or term_months = $2)
      and ($3::text is null or rate = $3) and ($4::int is null or renewable >= $4) and ($5::int is null or price_1000 <= $5)`;
    const { utilityArea, termMonths, rate, minRenewable, maxPrice } = wanted;
    const values = [utilityArea, termMonths, rate, minRenewable, maxPrice].map((value) => value ?? null);
    const [counted] = await this.#database.query<{ total: number }>(`select count(*)::int as total from plans ${where}`, values);
    const plans = await this.#database.query<Plan>(
      `select ${COLUMNS} from plans ${where} order by ${SORTS[wanted.sort]} limit $6 offset $7`,
      [...values, wanted.limit, wanted.offset],
    );
    return { plans, total: counted!.total };
  }

  /** Sets the price at 1,000 kWh; the others move by the same amount. Undefined when there is no such plan. */
  async setPrice(id: number, price1000: number): Promise<PriceChange | undefined> {
    const [row] = await this.#database.query<Plan & { before: number }>(
      `with old as (select id as old_id, price_1000 as before from plans where id = $1 for update)
       update plans set price_1000 = $2, price_500 = greatest(1, price_500 + $2 - before), price_2000 = greatest(1, price_2000 + $2 - before)
       from old where id = old_id returning before, ${COLUMNS}`,
      [id, price1000],
    );
    if (!row) return undefined;
    const { before, ...plan } = row;
    return { plan, before, after: price1000 };
  }

  close(): Promise<void> {
    return this.#database.close();
  }
}

/**
 * Opens the store, and fills it when it is empty.
 * @param databaseUrl a PostgreSQL server; undefined: PostgreSQL inside this process.
 * @param folder where the embedded one keeps its data; undefined: in memory.
 */
export async function openStore(databaseUrl?: string, folder?: string): Promise<PlanStore> {
  const database = databaseUrl ? openServer(databaseUrl) : await openEmbedded(folder);
  try {
    await database.run(SCHEMA);
    await fill(database);
  } catch (error) {
    await database.close();
    throw error;
  }
  return new PlanStore(database);
}

/** What a plan is follows the generator; its prices are the database's own once they are there. */
async function fill(database: Database): Promise<void> {
  await database.query(
    `insert into plans select * from jsonb_to_recordset($1::jsonb) as plan (id int, provider text, name text, utility_area text,
      term_months int, rate text, renewable int, price_500 int, price_1000 int, price_2000 int, cancellation_fee int)
      on conflict (id) do update set provider = excluded.provider, name = excluded.name, utility_area = excluded.utility_area,
      term_months = excluded.term_months, rate = excluded.rate, renewable = excluded.renewable,
      cancellation_fee = excluded.cancellation_fee`,
    [JSON.stringify(generatePlans().map(toRow))],
  );
}

function toRow(plan: Plan) {
  const { utilityArea, termMonths, price500, price1000, price2000, cancellationFee, ...rest } = plan;
  return {
    ...rest,
    utility_area: utilityArea,
    term_months: termMonths,
    price_500: price500,
    price_1000: price1000,
    price_2000: price2000,
    cancellation_fee: cancellationFee,
  };
}
