import { hostname } from "node:os";
import { type KubeClient, kinds, type Pod } from "../kube/index.ts";

/** Of pods that verify makes to call from. */
export const probeLabel = "isthmus.dev/probe";
/** Who made a probe: the machine and the process. */
const makerAnnotation = "isthmus.dev/made-by";

/** Says on a probe that it belongs to this process. */
export function probeAnnotations(): Readonly<Record<string, string>> {
  return { [makerAnnotation]: `${hostname()} ${process.pid}` };
}

/**
 * Deletes probe pods that nobody will delete any more: they have ended, or the process that made them on this machine is gone.
 * Those of processes elsewhere stay until they end by themselves.
 */
export async function removeOrphanedProbes(client: KubeClient): Promise<void> {
  const { items } = await client.list(kinds.pods, { labelSelector: `${probeLabel}=true` });
  await Promise.all(
    items.filter(isOrphaned).map(({ metadata: { name, namespace = "default", uid } }) =>
      client.delete(kinds.pods, name, {
        ...{ namespace, gracePeriodSeconds: 0 },
        ...(uid === undefined ? {} : { preconditions: { uid } }),
      }),
    ),
  );
}

function isOrphaned({ metadata, status }: Pod): boolean {
  if (["Succeeded", "Failed"].includes(status?.phase ?? "")) return true;
  const [machine, id] = metadata.annotations?.[makerAnnotation]?.split(" ") ?? [];
  return machine === hostname() && !isAlive(Number(id));
}

function isAlive(id: number): boolean {
  try {
    process.kill(id, 0);
    return true;
  } catch (reason) {
    return (reason as NodeJS.ErrnoException).code === "EPERM"; // It is another user's.
  }
}
