import type { RunningMesh } from "./start-mesh.ts";
import type { HostUsage } from "./status.ts";

/**
 * What the engine's process takes of this machine, and what the pods of each cluster take. API servers, controllers,
 * control planes and built-in proxies of all clusters run in the one process: of these only what is measured for a pod
 * can be said to be one cluster's. Real Envoys and users' own programs are processes beside it.
 */
export async function hostUsage(mesh: RunningMesh): Promise<HostUsage> {
  const { user, system } = process.cpuUsage();
  const clusters = await Promise.all(
    [...mesh.clusters].map(async ([name, { runtime }]) => {
      const usages = await runtime.usage();
      const containers = usages.flatMap((pod) => pod.containers);
      return {
        name,
        pods: usages.length,
        cpu: containers.reduce((sum, { cpu }) => sum + cpu, 0),
        memory: containers.reduce((sum, { memory }) => sum + memory, 0),
      };
    }),
  );
  return {
    pid: process.pid,
    memory: process.memoryUsage().rss,
    cpuSeconds: (user + system) / 1e6,
    uptimeSeconds: process.uptime(),
    clusters,
  };
}
