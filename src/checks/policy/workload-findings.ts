import { type KubeObject, matchesLabels } from "../../kube/index.ts";
import type { Finding } from "../contracts.ts";
import { findingAbout } from "../finding-about.ts";
import { groupBy } from "../group-by.ts";
import { named, namesOf, reference } from "../object-reference.ts";
import type { Scope } from "../scopes.ts";
import { listed } from "../text.ts";
import { isAlive } from "../view/pods.ts";
import { labelsText } from "../view/selector.ts";

/** What is to be known of a kind of which one object counts for a workload. */
export interface WorkloadKind<T extends KubeObject> {
  selector(object: T): Readonly<Record<string, string>> | undefined;
  /** The field with the selector. */
  readonly place: string;
  /** For objects that select nothing, that select the same pod, and that several select a whole namespace. */
  readonly codes: Readonly<Record<"none" | "same" | "defaults", Finding["code"]>>;
  /** What such objects decide: "what their proxies know". */
  readonly what: string;
}

/**
 * What is wrong with the workloads that objects of one kind are for, where Istio takes one object a workload: one with a
 * selector, else the namespace's one without.
 */
export function workloadFindings<T extends KubeObject>(
  scope: Scope,
  objects: readonly T[],
  kind: WorkloadKind<T>,
): Finding[] {
  const { config, isWhole } = scope;
  const hasSelector = (object: T) => Object.keys(kind.selector(object) ?? {}).length > 0;
  const selecting = objects
    .filter(hasSelector)
    .map((object) => ({ object, pods: podsOf(object, scope, kind) }));
  return [
    ...selecting
      .filter(({ pods }) => pods.length === 0 && isWhole)
      .map(({ object }) => nothingSelected(object, scope, kind)),
    ...sameWorkload(selecting, scope, kind),
    ...[
      ...groupBy(
        objects.filter((object) => !hasSelector(object)),
        ({ metadata }) => metadata.namespace,
      ),
    ].flatMap(([namespace = "default", several]): Finding[] => {
      const [first, ...others] = several;
      if (first === undefined || others.length === 0) return [];
      return [
        findingAbout(config, first, kind.place, {
          code: kind.codes.defaults,
          severity: "error",
          effect: `of the pods in ${namespace}, ${kind.what} follows one of ${listed(namesOf(several))}, the oldest`,
          cause: `${listed(namesOf(several))} of ${config.name} are all for the whole namespace: none has a selector`,
          seen: "(not set)",
          others: others.map((object) => reference(config, object, kind.place)),
          fix: "keep one without a selector, and give the others one",
        }),
      ];
    }),
  ];
}

function podsOf<T extends KubeObject>(object: T, { served }: Scope, kind: WorkloadKind<T>): string[] {
  return served.flatMap((cluster) =>
    cluster.pods
      .filter(
        (pod) =>
          isAlive(pod) &&
          pod.metadata.namespace === object.metadata.namespace &&
          matchesLabels(kind.selector(object) ?? {}, pod.metadata.labels),
      )
      .map((pod) => `${cluster.name} ${namesOf([pod])[0]}`),
  );
}

function nothingSelected<T extends KubeObject>(
  object: T,
  { config, served }: Scope,
  kind: WorkloadKind<T>,
): Finding {
  const labels = labelsText(kind.selector(object) ?? {});
  return findingAbout(config, object, kind.place, {
    code: kind.codes.none,
    severity: "error",
    effect: `${object.metadata.name} has no effect: it is for no pod`,
    cause: `no pod in ${object.metadata.namespace} of ${listed(served.map(({ name }) => name))} has the labels ${labels} that ${named(object)} selects`,
    seen: labels,
    fix: "correct the labels, or start the pods",
  });
}

function sameWorkload<T extends KubeObject>(
  selecting: readonly { readonly object: T; readonly pods: readonly string[] }[],
  { config }: Scope,
  kind: WorkloadKind<T>,
): Finding[] {
  const byPod = groupBy(
    selecting.flatMap(({ object, pods }) => pods.map((pod) => ({ object, pod }))),
    ({ pod }) => pod,
  );
  const clashes = [...byPod.values()].filter((several) => several.length > 1);
  const bySet = groupBy(clashes, (several) => namesOf(several.map(({ object }) => object)).join(" "));
  return [...bySet.values()].flatMap((same): Finding[] => {
    const objects = (same[0] ?? []).map(({ object }) => object);
    const pods = same.flatMap(([one]) => one?.pod.split(" ")[1] ?? []);
    const [first, ...others] = objects;
    if (first === undefined) return [];
    return [
      findingAbout(config, first, kind.place, {
        code: kind.codes.same,
        severity: "error",
        effect: `of ${listed(pods)}, ${kind.what} follows one of ${listed(namesOf(objects))}, the oldest`,
        cause: `${listed(namesOf(objects))} of ${config.name} select the same pods`,
        seen: labelsText(kind.selector(first) ?? {}),
        others: others.map((object) => reference(config, object, kind.place)),
        fix: "put them together, or select different pods",
      }),
    ];
  });
}
