import { randomBytes } from "node:crypto";
import type { Cluster } from "../cluster/cluster.ts";
import { type Headers, header } from "../http/headers.ts";
import type { ExchangeFacts } from "../router/facts.ts";
import type { Route } from "../router/route.ts";
import type { Direction } from "../router/runtime.ts";
import type { TracingRules } from "./compile-tracing.ts";
import { sampleRequest } from "./sample-request.ts";
import type { Span, SpanSink } from "./span.ts";
import { standardTags, upstreamTags } from "./span-tags.ts";
import { extractContext, injectContext, type SpanContext } from "./trace-context.ts";

/** The trace of one exchange. */
export interface Trace {
  /** Tells the upstream, before each try. */
  beginTry(headers: Headers, cluster: Cluster): void;
  /** Reports what happened, if the trace is sampled. */
  finish(): void;
}

/**
 * Goes on with the trace that a request is part of, or begins one. Undefined when its headers can't be read: they are
 * passed on as they are, as Envoy does.
 */
export function startTrace(
  rules: TracingRules,
  facts: ExchangeFacts,
  route: Route | undefined,
  direction: Direction,
  sink: SpanSink,
): Trace | undefined {
  const { request } = facts;
  if (request === undefined) return undefined;
  const { headers, authority } = request;
  const decision = sampleRequest(headers, rules.sampling);
  const extracted = extractContext(headers, rules.propagation, decision);
  if (extracted.kind === "broken") return undefined;
  const context: SpanContext =
    extracted.kind === "context"
      ? childOf(extracted.context)
      : {
          traceId: newId(rules.hasLongIds ? 16 : 8),
          spanId: newId(8),
          parentId: undefined,
          isSampled: extracted.kind === "decision" ? extracted.isSampled : decision,
          state: undefined,
        };
  const told = direction === "inbound" ? header(headers, "x-envoy-decorator-operation") : undefined;
  const name = told ?? route?.operation ?? authority;
  const isServer = direction === "inbound" || rules.spawnsUpstreamSpan;
  let open: { readonly context: SpanContext; readonly started: number; readonly cluster: string } | undefined;

  const endTry = () => {
    if (open === undefined) return;
    const { context: own, started, cluster } = open;
    open = undefined;
    if (!own.isSampled) return;
    const offset = started - facts.started;
    sink.report(rules.collector, {
      context: own,
      name: `router ${cluster} egress`,
      kind: "client",
      startTime: facts.startTime + offset,
      duration: performance.now() - started,
      tags: [["component", "proxy"], ["http.status_code", String(facts.status)], ...upstreamTags(facts)],
      isError: isError(facts),
    });
  };

  return {
    beginTry(sent, cluster) {
      endTry();
      if (rules.spawnsUpstreamSpan)
        open = { context: childOf(context), started: performance.now(), cluster: cluster.config.name };
      if (!rules.keepsContext) injectContext(sent, open?.context ?? context, rules.propagation);
    },
    finish() {
      endTry();
      if (!context.isSampled) return;
      const span: Span = {
        context,
        name,
        kind: isServer ? "server" : "client",
        startTime: facts.startTime,
        duration: (facts.ended ?? performance.now()) - facts.started,
        tags: [
          ...standardTags(facts, sink.nodeId, rules.maxPath),
          ...rules.tags.flatMap((tag) => {
            const value = tag.value(facts);
            return value === undefined ? [] : [[tag.name, value] as const];
          }),
        ],
        isError: isError(facts),
      };
      sink.report(rules.collector, span);
    },
  };
}

const isError = ({ status }: ExchangeFacts) => status === 0 || status >= 500;
const newId = (bytes: number) => randomBytes(bytes).toString("hex");

function childOf(parent: SpanContext): SpanContext {
  return { ...parent, spanId: newId(8), parentId: parent.spanId };
}
