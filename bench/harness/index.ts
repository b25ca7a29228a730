export {
  defineBench,
  type Bench,
  type Contender,
  type Findings,
  type HttpLoad,
  type Operation,
  type OperationContender,
  type RunningServer,
  type ServerContender,
  type Study,
} from './bench.ts';
export { compare, spread, type Comparison, type Spread, type Standing } from './compare.ts';
export { freePort, missingProgram, nginxServer, nodeServer, varnishServer } from './server-processes.ts';
export { table, writePages, writeResult } from './report.ts';
