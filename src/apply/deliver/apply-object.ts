import { IsthmusError } from "../../base/index.ts";
import { ApiError, type KubeObject } from "../../kube/index.ts";
import type { ResourceMap } from "../resource-map.ts";
import type { WriteOptions } from "./apply-options.ts";
import type { Applying } from "./applying.ts";
import { conflictsOf, conflictText } from "./conflicts.ts";
import { nodePortHolders } from "./node-port-holders.ts";
import { whenWebhooksAnswer } from "./when-webhooks-answer.ts";

/** The object in the namespace where it goes; as it is when its kind is not served. */
export async function place(resources: ResourceMap, object: KubeObject): Promise<KubeObject> {
  const kind = await resources.find(object.apiVersion, object.kind);
  if (kind === undefined) return object;
  const { namespace: written, ...metadata } = object.metadata;
  return {
    ...object,
    metadata: kind.namespaced ? { ...metadata, namespace: written ?? "default" } : metadata,
  };
}

/**
 * Writes one object by server-side apply. False when its kind is not served. Rejects with manifest/refused and what the
 * API server says, apply/conflict with the owners of the fields.
 */
export async function applyObject(
  { client, resources, name }: Pick<Applying, "client" | "resources" | "name">,
  object: KubeObject,
  options: WriteOptions,
): Promise<boolean> {
  const kind = await resources.find(object.apiVersion, object.kind);
  if (kind === undefined) return false;
  const placed = await place(resources, object);
  const { namespace } = placed.metadata;
  const write = () =>
    client.patch(kind, placed.metadata.name, placed, {
      type: "apply",
      force: options.force,
      ...(namespace === undefined ? {} : { namespace }),
    });
  try {
    await whenWebhooksAnswer(name, options, write);
  } catch (reason) {
    if (!(reason instanceof ApiError)) throw reason;
    const conflicts = conflictsOf(reason);
    if (conflicts.length > 0)
      throw new IsthmusError(
        "apply/conflict",
        `${name}: ${object.kind} ${object.metadata.name} has fields of others: ${conflicts.map(conflictText).join(", ")}`,
        {
          cause: reason,
          nextStep:
            "Leave the fields out of the manifest, or take them over with isthmus apply --force-conflicts.",
        },
      );
    const from = object.metadata.annotations?.["isthmus.dev/from"];
    const holders = await nodePortHolders(client, placed, reason);
    throw new IsthmusError(
      "manifest/refused",
      `${name} refuses ${object.kind} ${object.metadata.name}: ${reason.message}${holders === "" ? "" : `; ${holders}`}`,
      {
        cause: reason,
        nextStep:
          from === undefined
            ? "Mend the manifest, then run this again."
            : `It comes from ${from} of the mesh file.`,
      },
    );
  }
  return true;
}
