function required(name: string): string {
  const value = process.env[name];
  if (value === undefined) throw new Error(`${name} is not set`);
  return value;
}

export default {
  redis: required('SPILLWAY_GOLDEN_REDIS_URL'),
};
