import {
  addCorsHeaders,
  type CorsRules,
  isPreflight,
  preflightHeaders,
  requestOrigin,
} from "../filters/cors.ts";
import type { PerFilterEntry } from "../filters/per-filter.ts";
import type { RequestHead } from "../http/codec.ts";
import type { Headers } from "../http/headers.ts";
import type { HttpFilter } from "../http/http-chain.ts";
import type { ExchangeFacts } from "./facts.ts";
import { countDecision, type HttpStats } from "./http-stats.ts";
import { jwtReply, type LocalReply, replies } from "./local-reply.ts";
import type { Route, Target } from "./route.ts";

/** What a filter says about a request. */
export type Verdict =
  | undefined
  | { readonly kind: "reply"; readonly reply: LocalReply; readonly headers?: Headers }
  | { readonly kind: "wait"; readonly delay: number };

/** What a filter may do to the answer. */
export type ResponseEdit = (headers: Headers) => void;

export interface FilterRun {
  readonly head: RequestHead;
  readonly facts: ExchangeFacts;
  readonly route: Route | undefined;
  readonly target: Target | undefined;
  readonly stats: HttpStats;
  edits: ResponseEdit[] | undefined;
  /** What was found out may lead to another route, which is to be looked for. */
  reroutes: boolean;
}

/** Asks one filter. `waited`: it said "wait" before, and the time is over. */
export function runFilter(filter: HttpFilter, run: FilterRun, waited: boolean): Verdict {
  const entry = settingsOf(filter.name, run);
  if (entry?.kind === "disabled") return undefined;
  switch (filter.kind) {
    case "rbac": {
      const rules = entry?.kind === "rbac" ? entry.rules : filter.rules;
      const attempt = {
        downstream: run.facts.downstream,
        request: run.head,
        clientAddress: run.facts.clientAddress,
      };
      if (filter.shadow !== undefined) {
        const { allowed } = filter.shadow.rules(attempt);
        countDecision(run.stats, `${filter.shadow.prefix}shadow_${allowed ? "allowed" : "denied"}`);
      }
      if (rules === undefined) return undefined;
      const decision = rules(attempt);
      countDecision(run.stats, decision.allowed ? "allowed" : "denied");
      if (decision.allowed) return undefined;
      const details = `rbac_access_denied_matched_policy[${decision.policy ?? "none"}]`;
      return { kind: "reply", reply: { ...replies.denied, details } };
    }
    case "fault": {
      const rules = entry?.kind === "fault" ? entry.rules : filter.rules;
      if (!rules.applies(run.head)) return undefined;
      if (!waited) {
        const delay = rules.delay();
        if (delay > 0) {
          run.facts.flags.push("DI");
          return { kind: "wait", delay };
        }
      }
      const abort = rules.abort();
      if (abort === undefined) return undefined;
      return {
        kind: "reply",
        reply: {
          status: abort.status,
          body: "fault filter abort",
          flag: "FI",
          details: "fault_filter_abort",
          ...(abort.grpcStatus === undefined ? {} : { grpcStatus: abort.grpcStatus }),
        },
      };
    }
    case "jwt": {
      const named = entry?.kind === "jwt" ? entry.requirement : undefined;
      const uri = `${run.head.scheme}://${run.head.authority}${run.head.path}`;
      const failure = filter.rules.verify(run.head, named, run.facts.startTime);
      if (failure === undefined) {
        run.reroutes ||= filter.rules.reroutes;
        return undefined;
      }
      return { kind: "reply", ...jwtReply(failure, uri, filter.rules.isSilent) };
    }
    case "cors":
      return entry?.kind === "cors" ? cors(entry.rules, run) : undefined;
  }
}

function cors(rules: CorsRules, run: FilterRun): Verdict {
  const origin = requestOrigin(rules, run.head);
  if (origin === undefined) return undefined;
  const isAllowed = rules.origins.some((test) => test(origin));
  if (isPreflight(run.head) && (isAllowed || !rules.forwardsUnmatched)) {
    return {
      kind: "reply",
      reply: { status: 200, body: "", flag: undefined, details: "cors_response" },
      headers: isAllowed ? preflightHeaders(rules, origin) : [],
    };
  }
  if (!isAllowed) return undefined;
  run.edits ??= [];
  run.edits.push((headers) => addCorsHeaders(rules, origin, headers));
  return undefined;
}

/** The most specific settings of a filter: weighted cluster, route, virtual host. */
function settingsOf(name: string, { route, target }: FilterRun): PerFilterEntry | undefined {
  if (route === undefined) return undefined;
  return target?.perFilter?.get(name) ?? route.perFilter.get(name) ?? route.host.perFilter.get(name);
}
