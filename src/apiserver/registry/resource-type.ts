import type { KubeObject } from "../../kube/index.ts";
import type { Draft, JsonObject } from "../draft.ts";
import type { Cause } from "../status.ts";

/** What can be done with the objects of a resource, in the words of discovery and RBAC. */
export type Verb = "create" | "delete" | "deletecollection" | "get" | "list" | "patch" | "update" | "watch";

/** A part or an action of an object with a path of its own: pods/log, deployments/scale. */
export interface Subresource {
  readonly name: string;
  /** Kind of its bodies, where that is not the kind of the object itself. */
  readonly kind?: string;
  readonly group?: string;
  readonly version?: string;
  readonly verbs: readonly string[];
}

/** What a rule of a kind may look at beside the object. */
export interface RuleContext {
  /** RFC 3339, whole seconds. */
  readonly now: string;
  /** Finds any stored object: `find("v1", "Namespace", "sample")`. */
  find(resource: string, name: string, namespace?: string): KubeObject | undefined;
  /** Says something to the client without refusing the request. */
  warn(text: string): void;
}

/**
 * What Kubernetes does for one kind beyond storing it. Every part is optional; a kind without rules is stored
 * as it comes. The functions that take a draft change it in place.
 */
export interface Strategy {
  /** Fills in what the client left out. Runs on every write, so it must not change what is already whole. */
  setDefaults?(draft: Draft): void;
  /** Sets what only the server sets, on creation. */
  prepareCreate?(draft: Draft, context: RuleContext): void;
  /** Carries over what an update may not touch, silently. */
  prepareUpdate?(draft: Draft, old: KubeObject, context: RuleContext): void;
  validate?(object: KubeObject, context: RuleContext): Cause[];
  validateUpdate?(object: KubeObject, old: KubeObject, context: RuleContext): Cause[];
  /** Rules of names beyond "may stand in a path". Default: an RFC 1123 subdomain. */
  readonly nameRule?: "subdomain" | "label" | "path" | "label1035";
  /** Whether metadata.generation counts changes of everything but metadata and status. */
  readonly countsGenerations?: boolean;
  /** Whether PUT on a missing object creates it. */
  readonly createsOnUpdate?: boolean;
  /** Whether an update without a resourceVersion overwrites whatever is there. Default true. */
  readonly updatesBlindly?: boolean;
  /** Seconds that the object may take to end; 0 removes it at once. Absent: always at once. */
  gracePeriod?(object: KubeObject, asked: number | undefined): number;
  /** Fields that selectors may name beside metadata.name and metadata.namespace. */
  readonly selectableFields?: Readonly<Record<string, (object: KubeObject) => string>>;
}

/** A column that a definition asks for when its objects are printed. */
export interface PrinterColumn {
  readonly name: string;
  readonly type: string;
  readonly jsonPath: string;
  readonly format?: string;
  readonly description?: string;
  readonly priority?: number;
}

/** Paths of a custom resource's scale subresource, as its definition names them. */
export interface ScalePaths {
  readonly specReplicas: string;
  readonly statusReplicas: string;
  readonly labelSelector?: string;
}

/** What the definition of a custom resource says about one served version. */
export interface CustomVersion {
  /** openAPIV3Schema. */
  readonly schema: JsonObject;
  readonly preserveUnknownFields: boolean;
  readonly hasStatus: boolean;
  readonly scale?: ScalePaths;
  readonly columns: readonly PrinterColumn[];
  readonly deprecationWarning?: string;
  /** Paths that field selectors may name: "spec.host". */
  readonly selectableFields: readonly string[];
}

/** One resource in one served version: enough to route, discover, decode, store and print it. */
export interface ResourceType {
  readonly group: string;
  readonly version: string;
  readonly kind: string;
  readonly listKind: string;
  readonly plural: string;
  readonly singular: string;
  readonly shortNames: readonly string[];
  readonly categories: readonly string[];
  readonly namespaced: boolean;
  readonly verbs: readonly Verb[];
  readonly subresources: readonly Subresource[];
  /** Name in the store; the versions of one kind share it. */
  readonly storedAs: string;
  /** apiVersion that stored objects carry. */
  readonly storedVersion: string;
  readonly strategy: Strategy;
  readonly custom?: CustomVersion;
  /** From and to the stored form, where more than the apiVersion differs. */
  readonly convert?: {
    toStored(draft: Draft): void;
    fromStored(draft: Draft): void;
  };
  /** Kinds that are answered and never stored: reviews. */
  readonly review?: boolean;
  /** Kinds that are measured when they are read, and never stored: metrics. */
  readonly measured?: boolean;
  readonly deprecationWarning?: string;
}
