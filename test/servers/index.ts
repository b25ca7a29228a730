export { startPostgres, type PostgresServer } from './postgres.ts';
export { eventually, freePort, ServerProcess } from './process.ts';
export { programPath, providePrograms, type ProgramName } from './programs.ts';
export { redisCli, startRedis, startRedisCluster, type RedisCluster, type RedisServer } from './redis.ts';
