import {
  isApiError,
  type Kind,
  type KubeObject,
  type LabelSelector,
  type PodTemplate,
} from "../../kube/index.ts";
import { isEquivalent } from "./canonical-json.ts";
import type { Cluster } from "./cluster.ts";
import { claimDependents, controllerReference } from "./owners.ts";
import { templateHash } from "./template-hash.ts";

/** A pod template as it was at one time (apps/v1 ControllerRevision), for `kubectl rollout history` and `undo`. */
export interface ControllerRevision extends KubeObject {
  readonly revision: number;
  readonly data?: { readonly spec?: { readonly template?: PodTemplate } };
}

export const controllerRevisions: Kind<ControllerRevision> = {
  group: "apps",
  version: "v1",
  kind: "ControllerRevision",
  plural: "controllerrevisions",
  namespaced: true,
};

/** The label by which a pod says which revision it was made from. */
export const revisionLabel = "controller-revision-hash";

/** The owner's revisions, oldest first, and the one of its present template. */
export interface Revisions {
  readonly all: readonly ControllerRevision[];
  readonly update: ControllerRevision;
}

/**
 * Finds the revision of the owner's present template, makes it if need be, and makes it the newest when the owner
 * went back to it. Revisions beyond the history limit that no pod is `inUse` of are deleted.
 */
export async function syncRevisions<O extends KubeObject>(
  cluster: Cluster,
  options: {
    readonly owner: O;
    readonly ownerKind: Kind<O>;
    readonly selector: LabelSelector;
    readonly template: PodTemplate;
    readonly historyLimit: number;
    readonly inUse: ReadonlySet<string>;
  },
): Promise<Revisions> {
  const { owner, ownerKind, selector, template, historyLimit, inUse } = options;
  const claimed = await claimDependents(cluster, { owner, ownerKind, selector, kind: controllerRevisions });
  const all = [...claimed].sort((a, b) => a.revision - b.revision);
  const newest = all.at(-1)?.revision ?? 0;
  const same = all.find((revision) => isEquivalent(templateOf(revision), template));
  let update: ControllerRevision;
  if (same === undefined) update = await createRevision(cluster, owner, ownerKind, template, newest + 1);
  else if (same.revision === newest) update = same;
  else update = await cluster.replace(controllerRevisions, { ...same, revision: newest + 1 });
  const others = all.filter((revision) => revision !== same);
  const idle = others.filter(({ metadata }) => !inUse.has(metadata.name));
  for (const revision of idle.slice(0, Math.max(0, idle.length - historyLimit))) {
    await cluster.remove(controllerRevisions, revision);
  }
  return { all: [...others, update], update };
}

/** The pod template that the revision keeps. */
export function templateOf({ data }: ControllerRevision): PodTemplate | undefined {
  const template = data?.spec?.template;
  if (template === undefined) return undefined;
  const { $patch: _, ...rest } = template as PodTemplate & { readonly $patch?: string };
  return rest;
}

/** The value of the revision label for pods of this revision. */
export function revisionHash({ metadata }: ControllerRevision): string {
  return metadata.name;
}

async function createRevision<O extends KubeObject>(
  cluster: Cluster,
  owner: O,
  ownerKind: Kind<O>,
  template: PodTemplate,
  revision: number,
): Promise<ControllerRevision> {
  const { name, namespace = "" } = owner.metadata;
  // A name that something else has taken gives another hash.
  for (let collisions = 0; ; collisions++) {
    const hash = templateHash(template, collisions === 0 ? undefined : collisions);
    try {
      return await cluster.create(controllerRevisions, {
        apiVersion: "apps/v1",
        kind: "ControllerRevision",
        metadata: {
          name: `${name}-${hash}`,
          namespace,
          labels: { ...template.metadata?.labels, [revisionLabel]: hash },
          ownerReferences: [controllerReference(ownerKind, owner)],
        },
        // kubectl applies this as a strategic merge patch when it undoes a rollout.
        data: { spec: { template: { ...template, $patch: "replace" } as PodTemplate } },
        revision,
      });
    } catch (reason) {
      if (!isApiError(reason, 409) || collisions >= 5) throw reason;
    }
  }
}
