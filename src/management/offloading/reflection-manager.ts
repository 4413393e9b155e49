import type { Kind, KubeClient, KubeObject } from "../../kube/index.ts";

/** Under which the fields of reflected objects are owned: Liqo's own name. */
export const reflectionManager = "reflection.liqo.io";

/** Applies a reflected object; what others set beside it stays. */
export function applyReflection<T extends KubeObject>(
  client: KubeClient,
  kind: Kind<T>,
  object: T,
): Promise<T> {
  return client.apply(kind, object, reflectionManager);
}

/** Whether somebody else has applied to the object since, and so wants it to be there without us. */
export function isClaimed({ metadata }: KubeObject): boolean {
  return (metadata.managedFields ?? []).some(
    ({ operation, manager }) => operation === "Apply" && manager !== reflectionManager,
  );
}

/** Takes a reflected object back: what others have claimed stays, without the fields that are ours alone. */
export async function takeBack<T extends KubeObject>(
  client: KubeClient,
  kind: Kind<T>,
  object: T,
): Promise<void> {
  const { name, namespace } = object.metadata;
  const place = namespace === undefined ? {} : { namespace };
  if (!isClaimed(object)) return client.delete(kind, name, place);
  const { apiVersion } = object;
  await applyReflection(client, kind, { apiVersion, kind: kind.kind, metadata: { name, ...place } } as T);
}
