import type { KubeObject } from "../../kube/index.ts";
import { systemNamespace } from "../../kube/index.ts";
import type { Mesh } from "../../mesh/index.ts";
import type { AppliedWave, WaitOptions } from "../deliver/apply-options.ts";
import type { Applying } from "../deliver/applying.ts";
import { fromOther } from "../deliver/from-other.ts";
import { whenAddressed } from "../deliver/gates/when-addressed.ts";
import { whenAvailable } from "../deliver/gates/when-available.ts";
import { whenInjecting } from "../deliver/gates/when-injecting.ts";
import type { Others } from "../deliver/others.ts";
import { findRelease } from "../helm/helm-release.ts";

const workloadKinds = ["Deployment", "StatefulSet", "DaemonSet"];

/**
 * What has to be true before the next wave: after the control plane, that it is available and its injection webhook answers;
 * after gateways, that they are available and have addresses; after management, that it is available. `isServing` tells whether
 * a cluster's control plane is complete: then its remotes do without what fails there later.
 */
export function realGate(mesh: Mesh, options: WaitOptions, isServing: (cluster: string) => boolean) {
  /** The primary as its remotes need it: later failures are its own. */
  const asPrimary = (other: Applying): Applying => {
    const broken = new AbortController();
    const look = () => {
      if (!isServing(other.name)) broken.abort(other.failed.reason);
    };
    if (other.failed.aborted) look();
    else other.failed.addEventListener("abort", look, { once: true });
    return { ...other, failed: broken.signal };
  };
  return async (cluster: Applying, applied: AppliedWave, others: Others): Promise<void> => {
    switch (applied.wave) {
      case "control-plane": {
        await Promise.all(
          (await workloadsOf(cluster, applied)).map((one) => whenAvailable(cluster, one, options)),
        );
        const own = [...mesh.clusters.values()].find(({ name }) => name === cluster.name);
        if (own === undefined) return;
        const { revision } = own.istio;
        // A remote's webhook is its primary's istiod: when that fails, nobody will answer.
        await withPrimary(own.primary, cluster, others, asPrimary, "the injection webhook", options, (rest) =>
          whenInjecting(cluster, { namespace: systemNamespace, revision }, rest),
        );
        return;
      }
      case "gateways": {
        const own = [...mesh.clusters.values()].find(({ name }) => name === cluster.name);
        await withPrimary(
          own?.primary ?? cluster.name,
          cluster,
          others,
          asPrimary,
          "the configuration",
          options,
          async (rest) => {
            await Promise.all(
              applied.objects.filter(isWorkload).map((one) => whenAvailable(cluster, one, rest)),
            );
            await Promise.all(
              applied.objects.filter(isLoadBalancer).map((one) => whenAddressed(cluster, one, rest)),
            );
          },
        );
        return;
      }
      case "management":
        await Promise.all(
          applied.objects.filter(isWorkload).map((one) => whenAvailable(cluster, one, options)),
        );
        return;
      default:
        return;
    }
  };
}

function withPrimary(
  primary: string,
  cluster: Applying,
  others: Others,
  asPrimary: (other: Applying) => Applying,
  what: string,
  options: WaitOptions,
  wait: (options: WaitOptions) => Promise<void>,
): Promise<void> {
  const other = primary === cluster.name ? undefined : others.applying.get(primary);
  if (other === undefined) return wait(options);
  // What is waited for is told by the wait itself.
  const quiet = { ...options, waiting() {} };
  return fromOther(asPrimary(other), cluster.name, `${what} of ${primary}'s control plane`, quiet, (signal) =>
    wait({ ...options, signal }),
  );
}

/** The workloads of the wave's charts, as their releases list them, and of its objects. */
async function workloadsOf(
  { client }: Applying,
  { charts, objects }: AppliedWave,
): Promise<readonly KubeObject[]> {
  const releases = await Promise.all(
    charts.map(({ name, namespace }) => findRelease(client, name, namespace)),
  );
  return [...releases.flatMap((release) => release?.objects ?? []), ...objects].filter(isWorkload);
}

function isWorkload({ kind }: KubeObject): boolean {
  return workloadKinds.includes(kind);
}

function isLoadBalancer({ kind, spec }: KubeObject & { readonly spec?: unknown }): boolean {
  const { type } = (spec ?? {}) as { readonly type?: string };
  return kind === "Service" && type === "LoadBalancer";
}
