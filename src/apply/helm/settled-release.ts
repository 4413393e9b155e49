import { createRetry, type Diagnostic, IsthmusError, systemClock } from "../../base/index.ts";
import type { ChartReference } from "../../compile/index.ts";
import { ApiError, kinds } from "../../kube/index.ts";
import type { WaitOptions } from "../deliver/apply-options.ts";
import type { Applying } from "../deliver/applying.ts";
import { applyLabel, type HelmRevision, readRevisions, recordWithStatus } from "./helm-release.ts";

/** Milliseconds after which a helm of an earlier apply is taken to be dead: one without hooks waits for nothing. */
const ownHelmsTime = 20_000;
/** Helm's own limit of a hook, in milliseconds: with some in the chart, a helm whose apply is gone may work that long. */
const hooksTime = 300_000;

export interface SettleOptions extends WaitOptions {
  /** How long a helm of an earlier apply that was cut off may still work, in milliseconds; default 20 s, 5 min with hooks. */
  readonly patience?: number | undefined;
  /** Told what was mended. */
  warn(warning: Diagnostic): void;
}

/**
 * The revisions of a release once no helm works on it any more, the newest first. One that an apply of isthmus began and that
 * nobody ends any more (the machine died, or helm was killed) counts as failed, as Helm itself leaves what is interrupted: it would
 * refuse to go on otherwise. Another's is only waited for: apply/timed-out when it does not end.
 */
export async function settledRevisions(
  chart: ChartReference,
  { client, name: cluster }: Applying,
  options: SettleOptions,
): Promise<readonly HelmRevision[]> {
  const { signal, waiting, addressTimeout } = options;
  const retry = createRetry(systemClock, { first: 100, most: 1000 });
  const since = systemClock.now();
  try {
    for (;;) {
      const revisions = await readRevisions(client, chart.name, chart.namespace);
      const [newest] = revisions;
      if (newest === undefined || !isAtWork(newest)) return revisions;
      const { release, hasHooks } = newest;
      const isOurs = isBegunByUs(newest);
      const patience = options.patience ?? (hasHooks ? hooksTime : ownHelmsTime);
      if (systemClock.now() - since > (isOurs ? patience : addressTimeout)) {
        if (!isOurs) throw foreignHelm(cluster, newest, addressTimeout);
        if (await giveUp(newest)) options.warn(recovered(cluster, newest));
        continue;
      }
      const whose = isOurs ? "the helm of an earlier apply" : "somebody's helm";
      waiting(cluster, `${whose}, which works on ${chart.name} (${release.status})`);
      await retry.wait(signal);
      signal.throwIfAborted();
    }
  } finally {
    waiting(cluster, undefined);
  }

  /** False when the record has changed meanwhile: then somebody is alive. */
  async function giveUp({ record }: HelmRevision): Promise<boolean> {
    const why = "Interrupted: the helm that worked on it is gone";
    try {
      await client.replace(kinds.secrets, recordWithStatus(record, "failed", why));
      return true;
    } catch (reason) {
      if (reason instanceof ApiError && (reason.code === 409 || reason.code === 404)) return false;
      throw reason;
    }
  }
}

function isAtWork({ release: { status } }: HelmRevision): boolean {
  return status.startsWith("pending-") || status === "uninstalling";
}

/** Nobody but us takes away what we brought; a rollback is never ours. */
function isBegunByUs({ apply, record, release: { status } }: HelmRevision): boolean {
  if (status === "uninstalling") return record.metadata.labels?.[applyLabel] !== undefined;
  return status !== "pending-rollback" && apply !== undefined;
}

function recovered(cluster: string, { release }: HelmRevision): Diagnostic {
  const { name, namespace, revision, status } = release;
  return {
    severity: "warning",
    code: "mesh/release-recovered",
    path: ["clusters", cluster],
    message: `${cluster}: the helm of an earlier apply died while it worked on release ${namespace}/${name} (${status}); its revision ${revision} counts as failed now, and helm went on from there`,
    hint: `nothing is to be done; helm --kube-context ${cluster} -n ${namespace} history ${name} shows it`,
  };
}

function foreignHelm(cluster: string, { release }: HelmRevision, waited: number): IsthmusError {
  const { name, namespace, status, lastDeployed, revision } = release;
  const undo = revision > 1 && status !== "pending-install" ? `rollback ${name}` : `uninstall ${name}`;
  return new IsthmusError(
    "apply/timed-out",
    `${cluster}: somebody's helm has been at work on release ${namespace}/${name} since ${lastDeployed.toISOString()} (${status}), for ${Math.round(waited / 1000)} s of waiting and more`,
    {
      nextStep: `Let it come to its end. If it is dead: helm --kube-context ${cluster} -n ${namespace} ${undo}. Then run this again: it resumes.`,
    },
  );
}
