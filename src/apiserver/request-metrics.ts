import { createMetrics } from "../base/index.ts";
import { isApiError } from "../kube/index.ts";
import { attributesOf } from "./handler.ts";
import type { Answer, Call } from "./http/call.ts";
import { requestTarget } from "./http/request-target.ts";

type Handle = (call: Call) => Answer | Promise<Answer>;

/** What an API server says of its requests to Prometheus, under kube-apiserver's names. */
export interface RequestMetrics {
  /** The same handler, which counts what it answers. */
  counting(handle: Handle): Handle;
  text(): string;
}

const component = "apiserver";
const seconds = [0.005, 0.025, 0.05, 0.1, 0.2, 0.4, 0.6, 1, 2, 5, 10, 30, 60];

export function createRequestMetrics(options: {
  readonly kubernetesVersion: string;
  /** Milliseconds since 1970. */
  readonly startedAt: number;
  /** How many objects are stored of each resource. */
  objectCounts(): readonly (readonly [resource: string, count: number])[];
}): RequestMetrics {
  const metrics = createMetrics();
  let inflight = 0;
  const requests = metrics.counter(
    "apiserver_request_total",
    "Counter of apiserver requests broken out for each verb, API resource and HTTP response code.",
    ["component", "verb", "group", "version", "resource", "subresource", "scope", "code"],
  );
  const durations = metrics.histogram(
    "apiserver_request_duration_seconds",
    "Response latency in seconds for each verb and resource.",
    seconds,
    ["component", "verb", "group", "version", "resource"],
  );
  metrics.gauge("apiserver_current_inflight_requests", "Requests that are being answered.", () => inflight);
  metrics.gauge("apiserver_storage_objects", "Number of stored objects by resource.", () =>
    options.objectCounts().map(([resource, count]) => [{ resource }, count]),
  );
  metrics.gauge("kubernetes_build_info", "The version that is served.", () => [
    [{ git_version: `v${options.kubernetesVersion}` }, 1],
  ]);
  metrics.gauge("process_start_time_seconds", "When the API server started.", () => options.startedAt / 1000);

  return {
    counting: (handle) => {
      const count = (call: Call, started: number, code: number) => {
        const target = requestTarget(call.path);
        const { verb } = attributesOf(call, target);
        const shown = verb.toUpperCase();
        if (target.kind === "path") {
          requests.add([component, shown, "", "", "", "", "", String(code)]);
          return;
        }
        const { group, version, plural, subresource = "", namespace, name } = target;
        const scope = name !== undefined ? "resource" : namespace !== undefined ? "namespace" : "cluster";
        requests.add([component, shown, group, version, plural, subresource, scope, String(code)]);
        // A watch lasts as long as its client wants.
        if (verb !== "watch")
          durations.observe((performance.now() - started) / 1000, [component, shown, group, version, plural]);
      };
      return async (call) => {
        const started = performance.now();
        inflight++;
        try {
          const answer = await handle(call);
          count(call, started, "status" in answer ? answer.status : 200);
          return answer;
        } catch (reason) {
          count(call, started, isApiError(reason) ? reason.code : 500);
          throw reason;
        } finally {
          inflight--;
        }
      };
    },
    text: metrics.text,
  };
}
