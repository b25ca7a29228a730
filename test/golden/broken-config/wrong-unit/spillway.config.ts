export default {
  listen: { requestTimeout: 30, maxBodyBytes: '10 megabytes' },
  classes: {
    critical: {
      revalidate: '15 minutes',
      grace: '2y',
      slo: { p95: true },
    },
  },
};
