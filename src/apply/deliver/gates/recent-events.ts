import { type KubeClient, type KubeObject, kinds } from "../../../kube/index.ts";

interface RecordedEvent extends KubeObject {
  readonly type?: string;
  readonly reason?: string;
  readonly message?: string;
  readonly lastTimestamp?: string;
  readonly eventTime?: string;
}

/** The newest warning about an object, as "Reason: message"; "" when there is none or it can't be read. */
export async function lastWarning(
  client: KubeClient,
  about: { readonly kind: string; readonly name: string; readonly namespace: string },
): Promise<string> {
  try {
    const { items } = await client.list(kinds.events, {
      namespace: about.namespace,
      fieldSelector: `involvedObject.kind=${about.kind},involvedObject.name=${about.name},type=Warning`,
    });
    const [newest] = (items as readonly RecordedEvent[]).toSorted((a, b) =>
      timeOf(b).localeCompare(timeOf(a)),
    );
    return newest === undefined ? "" : `${newest.reason ?? "Warning"}: ${(newest.message ?? "").trim()}`;
  } catch {
    // Only an explanation is lost.
    return "";
  }
}

function timeOf({ lastTimestamp, eventTime, metadata }: RecordedEvent): string {
  return lastTimestamp ?? eventTime ?? metadata.creationTimestamp ?? "";
}
