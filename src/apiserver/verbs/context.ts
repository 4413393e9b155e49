import type { Clock, Logger } from "../../base/index.ts";
import type { KubeObject, SchemaNode } from "../../kube/index.ts";
import type { Admission } from "../admission/admission.ts";
import type { Draft } from "../draft.ts";
import type { Registry } from "../registry/registry.ts";
import type { ResourceType, RuleContext } from "../registry/resource-type.ts";
import type { Store } from "../storage/store.ts";

/** A resource that a request names, with the names from its path. */
export interface Target {
  readonly type: ResourceType;
  /** Absent for cluster-wide kinds and for requests across all namespaces. */
  readonly namespace: string | undefined;
  readonly name: string | undefined;
  readonly subresource: string | undefined;
}

/** What must happen together with storing an object of one resource, in the same turn. */
export interface CommitHook {
  /** Completes the draft from what the server hands out; throws a 422 when it cannot. Undone when `dryRun`. */
  beforePut?(draft: Draft, old: KubeObject | undefined, dryRun: boolean): void;
  /** A finalizer that a deletion of this object must wait for, when there is something to clean up. */
  finalizerFor?(old: KubeObject): string | undefined;
  /** Gives back what the server handed out. */
  beforeRemove?(old: KubeObject): void;
}

/** What the verbs work with. One for each API server. */
export interface Context {
  readonly store: Store;
  readonly registry: Registry;
  readonly admission: Admission;
  /** By stored resource. */
  readonly hooks: ReadonlyMap<string, CommitHook>;
  readonly clock: Clock;
  readonly log: Logger;
  /** The schema of a resource's objects in its own version; undefined where anything goes. */
  schemaOf(type: ResourceType): SchemaNode | undefined;
  /** What a kind's rules may see of the world. */
  ruleContext(warn: (text: string) => void): RuleContext;
}

/** The key of an object in its resource's store. */
export function keyOf(name: string, namespace: string | undefined): string {
  return namespace === undefined || namespace === "" ? name : `${namespace}/${name}`;
}

/** RFC 3339 in whole seconds, as Kubernetes writes times. */
export function timestamp(milliseconds: number): string {
  return `${new Date(milliseconds).toISOString().slice(0, 19)}Z`;
}
