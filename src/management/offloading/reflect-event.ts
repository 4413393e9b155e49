import { isApiError, type KubeObject, kinds, type Pod } from "../../kube/index.ts";
import { isBound, type Link } from "./link.ts";
import { homeUidAnnotation } from "./marks.ts";

interface PodEvent extends KubeObject {
  readonly involvedObject?: { readonly name?: string; readonly namespace?: string; readonly uid?: string };
  readonly count?: number;
  readonly lastTimestamp?: string;
}

/** Tells at home what the provider says of a pod: the same event, about the pod at home. */
export async function reflectEvent(link: Link, name: string, namespace: string): Promise<undefined> {
  const { at, there, home } = link;
  const event = there.events.get(name, namespace) as PodEvent | undefined;
  const about = event?.involvedObject;
  if (event === undefined || about?.name === undefined) return;
  const remote = there.pods.get(about.name, namespace);
  const pod = at.pods.get(about.name, namespace);
  if (remote === undefined || pod === undefined || !isReflection(link, pod, remote, about.uid)) return;
  const { metadata, involvedObject: _, ...content } = event;
  const { count, lastTimestamp } = event;
  try {
    await home.client.create(kinds.events, {
      ...content,
      metadata: { name: metadata.name, namespace },
      involvedObject: {
        apiVersion: "v1",
        kind: "Pod",
        name: pod.metadata.name,
        namespace,
        uid: pod.metadata.uid,
      },
    });
  } catch (reason) {
    if (isApiError(reason, 404)) return; // The namespace is going.
    if (!isApiError(reason, 409)) throw reason;
    await home.client
      .patch(kinds.events, metadata.name, { count, lastTimestamp }, { type: "merge", namespace })
      .catch((patchReason: unknown) => {
        if (!isApiError(patchReason, 404)) throw patchReason;
      });
  }
}

function isReflection(link: Link, pod: Pod, remote: Pod, uid: string | undefined): boolean {
  return (
    isBound(link, pod) &&
    remote.metadata.annotations?.[homeUidAnnotation] === pod.metadata.uid &&
    (uid === undefined || uid === remote.metadata.uid)
  );
}
