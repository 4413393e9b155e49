/**
 * verify: proof by real requests.
 *
 * runVerification plans who can call what, sends requests from every cluster to every HTTP service, counts them at the
 * proxies where they arrive, and tries what must be refused. VerifyReport holds every figure behind a verdict.
 *
 * countLosses: how many requests get no answer while something is changed.
 *
 * Knows no engine: it reaches pods through VerifyTarget, and changes nothing in a cluster. startClusterTarget gives one for
 * clusters that are known by their APIs only, and may make callers, which it removes.
 */

export { type ClusterTarget, type ReachedPods, startClusterTarget } from "./cluster-target.ts";
export type {
  Answer,
  Arrivals,
  CalledService,
  Cell,
  Check,
  Handshake,
  PodRef,
  ServiceReport,
  Share,
  UnreachableCluster,
  VerifyReport,
  VerifyTarget,
} from "./contracts.ts";
export { countLosses, type Losses } from "./count-losses.ts";
export { junitOf } from "./junit.ts";
export { removeOrphanedProbes } from "./orphaned-probes.ts";
export { hasSidecar } from "./plan.ts";
export { countedArrivals, isMutualTls } from "./proxy-counters.ts";
export { runVerification, type VerifyOptions } from "./run-verification.ts";
export { shakeHands } from "./shake-hands.ts";
