import type { KubeObject } from "../kube/index.ts";
import type { ClusterView, Finding } from "./contracts.ts";
import { reference, seenIn } from "./object-reference.ts";

/** What is said of one object. */
export interface Statement extends Pick<Finding, "code" | "severity" | "effect" | "cause" | "fix"> {
  /** What stands in the field. */
  readonly seen: string;
  /** Further evidence. */
  readonly more?: readonly string[];
  /** Other objects that have a part in it. */
  readonly others?: Finding["objects"];
}

/** A finding about the field at `path` of one object of `cluster`. */
export function findingAbout(
  cluster: ClusterView,
  object: KubeObject,
  path: string,
  { seen, more = [], others = [], ...statement }: Statement,
): Finding {
  return {
    ...statement,
    cluster: cluster.name,
    objects: [reference(cluster, object, path), ...others],
    evidence: [seenIn(cluster, object, path, seen), ...more],
  };
}
