import { type AccessRecord, destinationOf } from "../access-log/access-record.ts";
import { responseFlagMeaning } from "../access-log/response-flags.ts";
import type { AccessEntry } from "./access-entry.ts";
import type { FindPlace, Place } from "./places.ts";

/** One decision about a request: who took it, and what it was. */
export interface TrailStep {
  readonly cluster: string;
  /** "POD.NAMESPACE" */
  readonly by: string;
  readonly text: string;
  /** What keeps the request from an answer. */
  readonly isProblem: boolean;
}

/**
 * What became of a request, decision by decision, as the proxies of the caller and of those that answered say:
 * the route, the version, the endpoint, who let it in or not, the answer.
 */
export function decisionTrail(
  caller: AccessEntry | undefined,
  callees: readonly AccessEntry[],
  find: FindPlace,
): readonly TrailStep[] {
  return [
    ...(caller === undefined ? [] : callerSteps(caller, find)),
    ...callees.flatMap((callee) => calleeSteps(callee, caller === undefined, find)),
    ...(caller === undefined ? [] : [answerStep(caller)]),
  ];
}

function callerSteps(caller: AccessEntry, find: FindPlace): TrailStep[] {
  const { record, cluster } = caller;
  const step = stepOf(caller);
  const asked = step(`asks for ${whatOf(record)}`);
  const { upstreamHost, flags } = record;
  const decided = routeText(record);
  if (decided?.isProblem === true) return [asked, step(decided.text, true)];
  const place = upstreamHost === undefined ? undefined : find(upstreamHost, cluster);
  const endpoint =
    upstreamHost !== undefined
      ? [
          step(
            `takes the endpoint ${upstreamHost}${place === undefined ? "" : `, ${placeText(place, cluster)}`}`,
          ),
        ]
      : flags.includes("UH")
        ? [step("finds no healthy endpoint", true)]
        : [];
  return [asked, ...(decided === undefined ? [] : [step(decided.text)]), ...endpoint];
}

/** What the route made of a request, or why none took it; undefined when the log says nothing of it. */
function routeText(record: AccessRecord): { readonly text: string; readonly isProblem: boolean } | undefined {
  const { upstreamCluster, routeName, flags, details = "" } = record;
  const route =
    routeName === undefined || routeName === "default" ? "the service's own route" : `route ${routeName}`;
  if (upstreamCluster === "BlackHoleCluster")
    return {
      text: "knows no such host, and lets only known ones out (outboundTrafficPolicy REGISTRY_ONLY)",
      isProblem: true,
    };
  if (upstreamCluster === "PassthroughCluster")
    return {
      text: "knows no such host and passes it on as it is (outboundTrafficPolicy ALLOW_ANY)",
      isProblem: false,
    };
  if (flags.includes("NR")) return { text: "has no route for it", isProblem: true };
  if (flags.includes("NC"))
    return { text: `${route} leads to a subset or service that does not exist`, isProblem: true };
  if (details === "fault_filter_abort")
    return { text: `${route} fails it on purpose (fault)`, isProblem: true };
  if (details === "direct_response")
    return { text: `${route} answers by itself (redirect or directResponse)`, isProblem: false };
  if (upstreamCluster === undefined) return undefined;
  const { host = "?", port, subset } = destinationOf(record);
  const delayed = flags.includes("DI") ? ", after a delay on purpose (fault)" : "";
  return {
    text: `${route} leads to ${host}${port === undefined ? "" : `:${port}`}${subset === undefined ? "" : `, subset ${subset}`}${delayed}`,
    isProblem: false,
  };
}

function calleeSteps(callee: AccessEntry, isFirst: boolean, find: FindPlace): TrailStep[] {
  const { record, cluster } = callee;
  const { details = "", serverName, downstreamRemoteAddress = "", status, duration } = record;
  const step = stepOf(callee);
  const source = find(downstreamRemoteAddress, cluster);
  const from = source === undefined ? downstreamRemoteAddress : placeText(source, cluster);
  const how = serverName?.startsWith("outbound_.") === true ? "over mutual TLS" : "as plain text";
  const came = step(`${isFirst ? `gets ${whatOf(record)}` : "gets it"} ${how} from ${from}`);
  const policy = /^rbac_access_denied_matched_policy\[(.*)\]$/.exec(details)?.[1];
  if (policy !== undefined)
    return [
      came,
      step(
        policy === "none"
          ? "lets it not in: no AuthorizationPolicy allows it"
          : `lets it not in: ${policyText(policy)} denies it`,
        true,
      ),
    ];
  if (/^jwt_authn_access_denied/.test(details))
    return [came, step("lets it not in: its token is not valid", true)];
  const trouble = troubleOf(record);
  return [
    came,
    step(
      `its app answers ${status}${trouble === "" ? "" : ` (${trouble})`} after ${duration} ms`,
      trouble !== "",
    ),
  ];
}

/** "ns[sample]-policy[deny-all]-rule[0]" in words. */
function policyText(policy: string): string {
  const [, namespace, name, rule] = /^ns\[(.*)\]-policy\[(.*)\]-rule\[(\d+)\]$/.exec(policy) ?? [];
  return name === undefined ? policy : `AuthorizationPolicy ${namespace}/${name}, rule ${rule},`;
}

function answerStep(caller: AccessEntry): TrailStep {
  const { record } = caller;
  const { method, status, duration, bytesSent, bytesReceived } = record;
  const trouble = troubleOf(record);
  const why = trouble === "" ? "" : `: ${trouble}`;
  const text =
    method === undefined
      ? `the connection ended after ${duration} ms, ${bytesReceived} bytes sent, ${bytesSent} received${why}`
      : `${status === 0 ? "gets no answer" : `gets ${status}`} after ${duration} ms${why}`;
  return stepOf(caller)(text, trouble !== "" || status >= 500);
}

function troubleOf({ flags, transportFailure }: AccessRecord): string {
  // A delay is said with the route.
  const meanings = flags.filter((flag) => flag !== "DI").map((flag) => responseFlagMeaning(flag) ?? flag);
  return [
    ...meanings,
    ...(transportFailure === undefined ? [] : [transportFailure.replaceAll("_", " ")]),
  ].join(", ");
}

function whatOf({ method, authority = "", path = "", downstreamLocalAddress = "" }: AccessRecord): string {
  return method === undefined ? `a connection to ${downstreamLocalAddress}` : `${method} ${authority}${path}`;
}

function placeText({ kind, cluster, namespace, name }: Place, from: string): string {
  const where = cluster === from ? "" : ` of ${cluster}`;
  return kind === "gateway" ? `the gateway ${name}${where}` : `pod ${name}.${namespace}${where}`;
}

function stepOf({ cluster, namespace, pod }: AccessEntry): (text: string, isProblem?: boolean) => TrailStep {
  return (text, isProblem = false) => ({ cluster, by: `${pod}.${namespace}`, text, isProblem });
}
