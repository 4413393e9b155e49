import type { KubeObject } from "../../kube/index.ts";
import { child, cloneJson, type Draft, draftOf, ensure } from "../draft.ts";
import type { ResourceType } from "../registry/resource-type.ts";
import { methodNotAllowed } from "../status.ts";
import { scalePart } from "./scale.ts";

/** A part of an object that can be read and written on a path of its own. The object itself is one, too. */
export interface Part {
  /** The kind of the bodies. */
  readonly bodyType: ResourceType;
  /** Which rules of updates hold. */
  readonly changes: "main" | "status" | "other";
  /** The part, as clients read it. */
  read(object: KubeObject): KubeObject;
  /** The whole object with the part written into it. Takes over `sent`. */
  write(old: KubeObject, sent: Draft): Draft;
}

/** The part that a path names. Throws a 405 for subresources that cannot be read and written. */
export function partOf(type: ResourceType, subresource: string | undefined): Part {
  const whole = { bodyType: type, read: (object: KubeObject) => object };
  switch (subresource) {
    case undefined:
      return { ...whole, changes: "main", write: (_old, sent) => sent };
    case "status":
      return { ...whole, changes: "status", write: (_old, sent) => sent };
    case "scale":
      return scalePart(type);
    case "finalize":
      return { ...whole, changes: "other", write: (old, sent) => withSpecFields(old, sent, ["finalizers"]) };
    case "ephemeralcontainers":
      return {
        ...whole,
        changes: "other",
        write: (old, sent) => withSpecFields(old, sent, ["ephemeralContainers"]),
      };
    case "resize":
      return { ...whole, changes: "other", write: resized };
    case "approval":
      return {
        ...whole,
        changes: "other",
        write(old, sent) {
          const draft = keepVersion(draftOf(old), sent);
          const conditions = child(sent, "status")?.["conditions"];
          if (conditions !== undefined) ensure(draft, "status")["conditions"] = conditions;
          return draft;
        },
      };
    default:
      throw methodNotAllowed();
  }
}

/** The preconditions that a client sends with a part are about the whole object. */
function keepVersion(draft: Draft, sent: Draft): Draft {
  for (const field of ["uid", "resourceVersion"] as const) {
    const value = sent.metadata[field];
    if (value === undefined) delete draft.metadata[field];
    else draft.metadata[field] = value;
  }
  return draft;
}

function withSpecFields(old: KubeObject, sent: Draft, fields: readonly string[]): Draft {
  const draft = keepVersion(draftOf(old), sent);
  const spec = ensure(draft, "spec");
  for (const field of fields) {
    const value = child(sent, "spec")?.[field];
    if (value === undefined) delete spec[field];
    else spec[field] = value;
  }
  return draft;
}

function resized(old: KubeObject, sent: Draft): Draft {
  const draft = keepVersion(draftOf(old), sent);
  const resources = new Map(
    containers(sent).map((container) => [container["name"], container["resources"]] as const),
  );
  for (const container of containers(draft))
    if (resources.has(container["name"]))
      container["resources"] = cloneJson(resources.get(container["name"]));
  return draft;
}

function containers(draft: Draft): Record<string, unknown>[] {
  const list = child(draft, "spec")?.["containers"];
  return Array.isArray(list) ? list : [];
}
