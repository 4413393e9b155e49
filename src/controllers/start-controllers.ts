import type { Stop } from "../base/index.ts";
import { autoscalersController } from "./autoscalers/start-autoscalers.ts";
import type { ControllerOptions } from "./contracts.ts";
import { type AllObjects, startAllObjects } from "./core/all-objects.ts";
import { createCluster } from "./core/cluster.ts";
import type { StartController } from "./core/controller.ts";
import { startCronJobs } from "./cron-jobs/start-cron-jobs.ts";
import { startDaemonSets } from "./daemon-sets/start-daemon-sets.ts";
import { startDeployments } from "./deployments/start-deployments.ts";
import { disruptionBudgetsController } from "./disruption-budgets/start-disruption-budgets.ts";
import { startMirroredEndpoints, startServiceEndpoints } from "./endpoints/start-endpoints.ts";
import { startEventExpiry } from "./events/start-event-expiry.ts";
import { garbageCollector } from "./garbage-collector/start-garbage-collector.ts";
import { startJobs } from "./jobs/start-jobs.ts";
import { loadBalancersController } from "./load-balancers/start-load-balancers.ts";
import { namespacesController } from "./namespaces/start-namespaces.ts";
import { rootCaController } from "./namespaces/start-root-ca.ts";
import { startReplicaSets } from "./replica-sets/start-replica-sets.ts";
import { resourceQuotasController } from "./resource-quotas/start-resource-quotas.ts";
import { startScheduler } from "./scheduler/start-scheduler.ts";
import { startDefaultServiceAccounts } from "./service-accounts/start-service-accounts.ts";
import { tokenSecretsController } from "./service-accounts/start-token-secrets.ts";
import { startStatefulSets } from "./stateful-sets/start-stateful-sets.ts";
import { startNodeTaints } from "./taints/start-node-taints.ts";
import { startTaintEvictions } from "./taints/start-taint-evictions.ts";
import { startVolumes } from "./volumes/start-volumes.ts";

/**
 * Starts the controllers of one cluster over one shared set of informers. Resolves at once: each controller
 * begins as soon as its own kinds are listed, and goes on through failures of the API server until it is stopped.
 * Stopping waits for the writes under way.
 */
export async function startControllers(options: ControllerOptions): Promise<Stop> {
  const { cluster: name, client, clock, apiCa } = options;
  const abort = new AbortController();
  const cluster = createCluster({ name, client, clock, log: options.log, signal: abort.signal });
  // In the order in which a workload needs them, so that their first lists come in that order, too.
  const controllers: readonly StartController[] = [
    startDefaultServiceAccounts,
    rootCaController(apiCa),
    startDeployments,
    startReplicaSets,
    startScheduler,
    startServiceEndpoints,
    loadBalancersController(options.loadBalancerAddresses),
    tokenSecretsController(apiCa, options.serviceAccountToken),
    startStatefulSets,
    startDaemonSets,
    startJobs,
    startCronJobs,
    startMirroredEndpoints,
    startVolumes,
    startNodeTaints,
    startTaintEvictions,
    startEventExpiry,
  ];
  const stops = controllers.map((start) => start(cluster));
  // Last, since it lists every kind there is and nothing that starts waits for it.
  const objects = startAllObjects(cluster);
  const onAllObjects = [
    namespacesController,
    garbageCollector,
    disruptionBudgetsController,
    resourceQuotasController,
    (all: AllObjects) => autoscalersController(all),
  ];
  stops.push(objects.stop, ...onAllObjects.map((controller) => controller(objects)(cluster)));
  return async () => {
    abort.abort();
    await Promise.all(stops.map((stop) => stop()));
    await cluster.events.idle();
  };
}
