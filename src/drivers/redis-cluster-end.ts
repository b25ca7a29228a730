/** What of a cluster client of node-redis this needs. */
interface ClusterClient {
  on(event: 'node-connect' | 'node-reconnecting', listener: () => void): unknown;
  destroy(): void;
}

/**
 * Closes a cluster client for good. One that is just asking a node who has which slots opens connections to all of them with the
 * answer, closed or not, and keeps them for ever: they are closed as they show themselves.
 */
export function endCluster(cluster: ClusterClient): void {
  const again = (): void => cluster.destroy();
  cluster.on('node-connect', again);
  cluster.on('node-reconnecting', again);
  cluster.destroy();
}
