export const config = { listen: { port: 8080 } };
