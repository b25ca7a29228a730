const [token, password] = ['hunter2', 'hunter3'];

export default {
  admin: { token },
  redis: `cache.internal:${password}@10.0.0.5:6379`,
  database: `mysql://shop:${password}@10.0.0.6/shop`,
};
