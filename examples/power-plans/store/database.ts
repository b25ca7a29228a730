/** As much of PostgreSQL as the example asks for: the embedded and the real one both give it. */
export interface Database {
  query<Row>(text: string, values?: readonly unknown[]): Promise<Row[]>;
  /** Several statements without values, all of them or none. */
  run(script: string): Promise<void>;
  close(): Promise<void>;
}
