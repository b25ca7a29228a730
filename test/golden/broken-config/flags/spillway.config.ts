export default { admin: { port: 9901 } };
