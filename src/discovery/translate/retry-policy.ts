import type { MessageInitShape } from "@bufbuild/protobuf";
import type { RetryPolicySchema } from "../../xds/gen/envoy/config/route/v3/route_components_pb.js";
import { PreviousHostsPredicateSchema } from "../../xds/gen/envoy/extensions/retry/host/previous_hosts/v3/previous_hosts_pb.js";
import { PreviousPrioritiesConfigSchema } from "../../xds/gen/envoy/extensions/retry/priority/previous_priorities/v3/previous_priorities_config_pb.js";
import type { HttpRetry } from "./config-types.ts";
import { any, durationOf, lazy } from "./proto.ts";

type RetryPolicy = MessageInitShape<typeof RetryPolicySchema>;

const defaultConditions = "connect-failure,refused-stream,unavailable,cancelled,retriable-status-codes";

const previousHosts = lazy(() => ({
  name: "envoy.retry_host_predicates.previous_hosts",
  configType: { case: "typedConfig" as const, value: any(PreviousHostsPredicateSchema) },
}));

const previousPriorities = lazy(() => ({
  name: "envoy.retry_priorities.previous_priorities",
  configType: {
    case: "typedConfig" as const,
    value: any(PreviousPrioritiesConfigSchema, { updateFrequency: 2 }),
  },
}));

/** What is tried again, and how often; undefined for a route that wants no second try. Hashed requests stay on their host. */
export function retryPolicy(retry: HttpRetry | undefined, isHashed: boolean): RetryPolicy | undefined {
  const base: RetryPolicy = {
    numRetries: 2,
    retryOn: defaultConditions,
    hostSelectionRetryMaxAttempts: 5n,
    retryHostPredicate: isHashed ? [] : [previousHosts()],
  };
  if (retry === undefined) return base;
  const attempts = retry.attempts ?? 0;
  if (attempts <= 0) return undefined;
  const perTryTimeout = durationOf(retry.perTryTimeout);
  const backoff = durationOf(retry.backoff);
  return {
    ...base,
    numRetries: attempts,
    ...(retry.retryOn === undefined || retry.retryOn === "" ? {} : conditions(retry.retryOn)),
    ...(perTryTimeout === undefined ? {} : { perTryTimeout }),
    ...(retry.retryIgnorePreviousHosts === undefined
      ? {}
      : { retryHostPredicate: retry.retryIgnorePreviousHosts ? [previousHosts()] : [] }),
    ...(retry.retryRemoteLocalities === true ? { retryPriority: previousPriorities() } : {}),
    ...(backoff === undefined ? {} : { retryBackOff: { baseInterval: backoff } }),
  };
}

/** Numbers among the conditions are status codes. */
function conditions(written: string): Pick<RetryPolicy, "retryOn" | "retriableStatusCodes"> {
  const parts = written
    .split(",")
    .map((part) => part.trim())
    .filter((part) => part !== "");
  const isStatus = (part: string) => /^[1-5]\d\d$/.test(part);
  const codes = parts.filter(isStatus).map(Number);
  const words = parts.filter((part) => !isStatus(part));
  if (codes.length > 0 && !words.includes("retriable-status-codes")) words.push("retriable-status-codes");
  return { retryOn: words.join(","), retriableStatusCodes: codes };
}
