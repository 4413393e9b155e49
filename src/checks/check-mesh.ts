import { kinds } from "../kube/index.ts";
import { checkExposure } from "./check-exposure.ts";
import { checkGatewayAddresses } from "./check-gateway-addresses.ts";
import type { Check, CheckedCluster, ClusterView, Finding } from "./contracts.ts";

const checks: readonly Check[] = [checkGatewayAddresses, checkExposure];

/** Everything that is wrong with the mesh, worst first. A cluster that can't be read is left out. */
export async function checkMesh(clusters: readonly CheckedCluster[]): Promise<readonly Finding[]> {
  const read = await Promise.all(clusters.map((cluster) => view(cluster).catch(() => undefined)));
  const views = read.filter((one) => one !== undefined);
  const findings = checks.flatMap((check) => check(views));
  return findings.sort((a, b) => Number(a.severity === "warning") - Number(b.severity === "warning"));
}

async function view({ client, ...cluster }: CheckedCluster): Promise<ClusterView> {
  const [services, gateways] = await Promise.all([client.list(kinds.services), client.list(kinds.gateways)]);
  return { ...cluster, services: services.items, gateways: gateways.items };
}
