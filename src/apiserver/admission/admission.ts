import type { KubeObject } from "../../kube/index.ts";
import type { User } from "../contracts.ts";
import type { Draft } from "../draft.ts";
import type { Call } from "../http/call.ts";
import type { ResourceType } from "../registry/resource-type.ts";

/** A write that is about to happen, as admission sees it. Objects are in the stored version. */
export interface AdmissionRequest {
  readonly operation: "CREATE" | "UPDATE" | "DELETE" | "CONNECT";
  readonly type: ResourceType;
  readonly subresource: string | undefined;
  readonly namespace: string | undefined;
  /** "" for an object whose name is still to be generated. */
  readonly name: string;
  readonly old: KubeObject | undefined;
  readonly user: User;
  readonly dryRun: boolean;
  /** CreateOptions, UpdateOptions, PatchOptions or DeleteOptions of the request. */
  readonly options: object;
  readonly signal: AbortSignal;
  warn(text: string): void;
}

/**
 * What stands between a request and the store: the rules of Kubernetes' own admission plugins and the webhooks
 * that objects of this server configure. Each step throws a Status error to refuse.
 */
export interface Admission {
  /** May change the object; gives back the one to go on with. Undefined objects (deletions) are only looked at. */
  mutate(request: AdmissionRequest, draft: Draft): Promise<Draft>;
  /** Looks at the object as it will be stored. */
  validate(request: AdmissionRequest, object: KubeObject | undefined): Promise<void>;
  /** Counts the object that is stored next, in the same turn, against the quotas of its namespace. */
  charge(request: AdmissionRequest, object: KubeObject): void;
}

/** The admission request of a write that `call` asks for. Its name may be filled in once it is generated. */
export function admissionRequest(
  call: Call,
  write: Omit<AdmissionRequest, "user" | "signal" | "warn">,
): AdmissionRequest & { name: string } {
  return {
    ...write,
    user: call.user,
    // Made on demand, and most writes meet nobody who asks for it.
    get signal() {
      return call.signal;
    },
    warn: (text) => call.warn(text),
  };
}
