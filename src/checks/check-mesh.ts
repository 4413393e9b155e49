import { checkClustersAnswer } from "./check-clusters-answer.ts";
import { checkControlPlaneAddress } from "./check-control-plane-address.ts";
import { checkControlPlanes } from "./check-control-planes.ts";
import { checkCredentials } from "./check-credentials.ts";
import { checkExposure } from "./check-exposure.ts";
import { checkGatewayAddresses } from "./check-gateway-addresses.ts";
import { checkGatewayPods } from "./check-gateway-pods.ts";
import { checkIgnoredRules } from "./check-ignored-rules.ts";
import { checkInjection } from "./check-injection.ts";
import { checkNetworkLabels } from "./check-network-labels.ts";
import { checkNetworksHaveGateways } from "./check-networks-have-gateways.ts";
import { checkProxies } from "./check-proxies.ts";
import { checkRefusedPods } from "./check-refused-pods.ts";
import { checkServices } from "./check-services.ts";
import { checkSubsets } from "./check-subsets.ts";
import { checkVirtualServiceHosts } from "./check-virtual-service-hosts.ts";
import { checkWeights } from "./check-weights.ts";
import type { Check, CheckedMesh, Finding } from "./contracts.ts";
import { isRead, readCluster } from "./read-cluster.ts";

/** Every check; what causes others comes first. */
export const checks: readonly Check[] = [
  checkClustersAnswer,
  checkControlPlanes,
  checkCredentials,
  checkControlPlaneAddress,
  checkRefusedPods,
  checkProxies,
  checkNetworkLabels,
  checkNetworksHaveGateways,
  checkGatewayAddresses,
  checkGatewayPods,
  checkExposure,
  checkInjection,
  checkServices,
  checkSubsets,
  checkWeights,
  checkVirtualServiceHosts,
  checkIgnoredRules,
];

/** Everything that is wrong with the mesh, worst first. A cluster that can't be read is a finding itself; never rejects. */
export async function checkMesh({ clusters, ...rest }: CheckedMesh): Promise<readonly Finding[]> {
  const answers = await Promise.all(clusters.map(readCluster));
  const view = {
    ...rest,
    clusters: answers.filter(isRead),
    unread: answers.flatMap((one) => (isRead(one) ? [] : [one])),
  };
  const findings = checks.flatMap((check) => check(view));
  return findings.sort((a, b) => Number(a.severity === "warning") - Number(b.severity === "warning"));
}
