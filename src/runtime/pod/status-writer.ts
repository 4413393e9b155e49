import { isDeepStrictEqual } from "node:util";
import { type Clock, createRetry, type Logger } from "../../base/index.ts";
import { isApiError, type KubeClient, kinds, type Pod, type PodStatus } from "../../kube/index.ts";

/** Keeps the API's copy of one pod's status true: one patch at a time, several changes in one, only differences. */
export interface StatusWriter {
  /** The status may have changed. */
  schedule(): void;
  /** Resolves when the API has the status as it is now, or when the pod is gone or `signal` aborted. */
  flush(): Promise<void>;
}

export function createStatusWriter(options: {
  readonly client: KubeClient;
  readonly pod: Pod;
  compute(previous: PodStatus | undefined): PodStatus;
  readonly signal: AbortSignal;
  readonly clock: Clock;
  readonly log: Logger;
}): StatusWriter {
  const { client, pod, compute, signal, clock, log } = options;
  const { name, namespace, uid } = pod.metadata;
  const retry = createRetry(clock, { first: 50, most: 5000 });
  let sent = pod.status;
  let isDirty = false;
  let isGone = false;
  let writing: Promise<void> | undefined;

  const send = async () => {
    const next = compute(sent);
    const changes = differences(sent, next);
    if (changes === undefined) return;
    const patch = { metadata: { uid }, status: changes };
    await client.patch(kinds.pods, name, patch, {
      type: "strategic",
      subresource: "status",
      ...(namespace === undefined ? {} : { namespace }),
    });
    sent = next;
    retry.reset();
  };
  const write = async () => {
    // Whatever else changes in this turn of the event loop goes into the same patch.
    await new Promise((resolve) => setImmediate(resolve));
    while (isDirty && !isGone && !signal.aborted) {
      isDirty = false;
      try {
        await send();
      } catch (reason) {
        // 409: another pod has this name now (the uid in the patch differs).
        if (isApiError(reason, 404) || isApiError(reason, 409)) {
          isGone = isApiError(reason, 404) || (await isReplaced());
          isDirty = !isGone;
        } else {
          isDirty = true;
          log.debug(
            { pod: `${namespace}/${name}`, reason: String(reason) },
            "status not written, trying again",
          );
        }
        if (isDirty) await retry.wait(signal);
      }
    }
  };
  const isReplaced = async () => {
    const present = await client.get(kinds.pods, name, namespace).catch(() => pod);
    return present?.metadata.uid !== uid;
  };
  const schedule = () => {
    isDirty = true;
    writing ??= write().finally(() => {
      writing = undefined;
      if (isDirty && !isGone && !signal.aborted) schedule();
    });
  };
  return {
    schedule,
    async flush() {
      schedule();
      while (writing !== undefined) await writing;
    },
  };
}

/** The strategic merge patch from one status to the next; undefined when nothing differs. */
function differences(
  before: PodStatus | undefined,
  next: PodStatus,
): Readonly<Record<string, unknown>> | undefined {
  const old: Readonly<Record<string, unknown>> = { ...before };
  const patch: Record<string, unknown> = {};
  for (const [field, value] of Object.entries(next)) {
    if (field !== "conditions" && !isDeepStrictEqual(value, old[field])) patch[field] = value;
  }
  const conditions = (next.conditions ?? []).flatMap((condition) => {
    const other = before?.conditions?.find(({ type }) => type === condition.type);
    if (isDeepStrictEqual(condition, other)) return [];
    return [{ ...takenBack(["reason", "message"], other, condition), ...condition }];
  });
  if (conditions.length > 0) patch["conditions"] = conditions;
  Object.assign(patch, takenBack(["reason", "message"], before, next));
  return Object.keys(patch).length === 0 ? undefined : patch;
}

/** null for each of the fields that was there and is no more, which is how a patch takes it away. */
function takenBack<T extends object>(fields: readonly (keyof T)[], before: T | undefined, next: T): object {
  const gone = fields.filter((field) => before?.[field] !== undefined && next[field] === undefined);
  return Object.fromEntries(gone.map((field) => [field, null]));
}
