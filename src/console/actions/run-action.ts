import { createHash } from "node:crypto";
import { IsthmusError, unreachable } from "../../base/index.ts";
import { isApiError } from "../../kube/index.ts";
import type { Action, ObjectReference, Plan } from "../api.ts";
import type { Reader } from "../reader.ts";
import type { Change, Prepared } from "./contracts.ts";
import { fixFinding } from "./fix-finding.ts";
import { injectFault } from "./inject-fault.ts";
import { yamlOf } from "./object-yaml.ts";
import { scale } from "./scale.ts";
import { sendLoad } from "./send-load.ts";
import { shiftTraffic } from "./shift-traffic.ts";

/** What the action would change, without changing it. */
export async function planAction(reader: Reader, action: Action): Promise<Plan> {
  return planOf(await prepare(reader, action));
}

/**
 * Does what was planned. console/changed when that is no longer what it would do: somebody changed the objects since
 * the plan was shown.
 */
export async function applyAction(
  reader: Reader,
  { action, seen }: { readonly action: Action; readonly seen: string },
  signal: AbortSignal,
): Promise<Plan> {
  const prepared = await prepare(reader, action);
  const plan = planOf(prepared);
  if (plan.id !== seen)
    throw new IsthmusError("console/changed", "the objects have changed since they were shown", {
      nextStep: "Look at what would change now, and apply that.",
    });
  for (const change of prepared.changes)
    await change.write().catch((reason: unknown) => {
      if (!isApiError(reason)) throw reason;
      const { cluster, kind, name } = referenceOf(change);
      throw new IsthmusError("manifest/refused", `${cluster} refused ${kind} ${name}: ${reason.message}`, {
        cause: reason,
      });
    });
  await prepared.run?.(signal);
  return plan;
}

async function prepare(reader: Reader, action: Action): Promise<Prepared> {
  switch (action.kind) {
    case "shift":
      return shiftTraffic(reader, action);
    case "fault":
      return injectFault(reader, action);
    case "scale":
      return scale(reader, action);
    case "cluster": {
      const { cluster, wanted } = action;
      const verb = wanted === "stopped" ? "stop" : "start";
      return {
        summary:
          wanted === "stopped"
            ? `${cluster} stops: its API server, its pods and its gateways go away. The others go on, and it comes back with everything it had.`
            : `${cluster} starts again, with everything it had.`,
        commands: [`isthmus cluster ${verb} ${cluster}`],
        changes: [],
        run: (signal) => reader.source.setCluster(cluster, wanted, signal),
      };
    }
    case "link": {
      const { between, wanted } = action;
      return {
        summary:
          wanted === "cut"
            ? `Nothing passes between ${between.join(" and ")} any more: connections are reset, new ones time out.`
            : `${between.join(" and ")} reach each other again.`,
        commands: [],
        changes: [],
        run: async () => reader.source.setLink(between, wanted),
      };
    }
    case "load":
      return sendLoad(reader, action);
    case "end-load":
      return {
        summary: "No more requests are sent; those under way are waited for.",
        commands: [],
        changes: [],
        run: async () => reader.loads.end(action.id),
      };
    case "fix":
      return fixFinding(reader, action);
    default:
      return unreachable(action);
  }
}

function planOf({ summary, commands, changes }: Prepared): Plan {
  const objects = changes.map((change) => {
    const { before, after } = change;
    return {
      reference: referenceOf(change),
      // What is deleted is named alone: it may be a Secret.
      ...(before === undefined || after === undefined ? {} : { before: yamlOf(before) }),
      ...(after === undefined ? {} : { after: yamlOf(after) }),
    };
  });
  const id = createHash("sha256")
    .update(JSON.stringify([summary, objects]))
    .digest("base64url");
  return { id, summary, commands, objects };
}

function referenceOf({ cluster, kind, before, after }: Change): ObjectReference {
  const { name = "", namespace } = (after ?? before)?.metadata ?? {};
  return { cluster, kind: kind.kind, ...(namespace === undefined ? {} : { namespace }), name };
}
