import { dropHeader, type Headers, header, setHeader } from "../http/headers.ts";

/** What one hop tells the next about a trace. Ids are hexadecimal, in lower case. */
export interface SpanContext {
  /** 16 or 32 digits. */
  readonly traceId: string;
  /** 16 digits. */
  readonly spanId: string;
  readonly parentId: string | undefined;
  readonly isSampled: boolean;
  /** W3C's tracestate, as it came. */
  readonly state: string | undefined;
}

/** What a request says: a context, only whether to sample, nothing, or what nobody can read. */
export type Extracted =
  | { readonly kind: "context"; readonly context: SpanContext }
  | { readonly kind: "decision"; readonly isSampled: boolean }
  | { readonly kind: "nothing" }
  | { readonly kind: "broken" };

/** Header formats: B3 in its headers of one value each (github.com/openzipkin/b3-propagation), W3C Trace Context, or both. */
export type Propagation = "b3" | "w3c" | "b3 and w3c";

const nothing: Extracted = { kind: "nothing" };
const broken: Extracted = { kind: "broken" };

/**
 * Reads the trace context of a request. Of two formats B3 counts first; B3's ids without a decision get `decision`.
 */
export function extractContext(headers: Headers, propagation: Propagation, decision: boolean): Extracted {
  if (propagation === "w3c") return extractW3c(headers);
  const found = extractB3(headers, decision);
  return found.kind === "nothing" && propagation === "b3 and w3c" ? extractW3c(headers) : found;
}

/** Writes a context into a request's headers. */
export function injectContext(headers: Headers, context: SpanContext, propagation: Propagation): void {
  const { traceId, spanId, parentId, isSampled, state } = context;
  if (propagation !== "w3c" && header(headers, "b3") !== undefined) {
    // Who speaks the single header is told by it.
    const parent = parentId === undefined ? "" : `-${parentId}`;
    setHeader(headers, "b3", `${traceId}-${spanId}-${isSampled ? 1 : 0}${parent}`);
  } else if (propagation !== "w3c") {
    setHeader(headers, "x-b3-traceid", traceId);
    setHeader(headers, "x-b3-spanid", spanId);
    if (parentId === undefined) dropHeader(headers, "x-b3-parentspanid");
    else setHeader(headers, "x-b3-parentspanid", parentId);
    setHeader(headers, "x-b3-sampled", isSampled ? "1" : "0");
  }
  if (propagation !== "b3") {
    setHeader(headers, "traceparent", `00-${traceId.padStart(32, "0")}-${spanId}-0${isSampled ? 1 : 0}`);
    // Envoy's tracer writes it also when it is empty.
    if (state !== undefined || propagation === "w3c") setHeader(headers, "tracestate", state ?? "");
  }
}

const traceIdText = /^(?:[0-9a-f]{16}){1,2}$/i;
const spanIdText = /^[0-9a-f]{16}$/i;

function extractB3(headers: Headers, decision: boolean): Extracted {
  const single = header(headers, "b3");
  if (single !== undefined) return readSingleB3(single, decision);
  const sampled = sampledB3(headers);
  const traceId = header(headers, "x-b3-traceid");
  const spanId = header(headers, "x-b3-spanid");
  if (traceId === undefined || spanId === undefined)
    return sampled === undefined ? nothing : { kind: "decision", isSampled: sampled };
  return contextOf(traceId, spanId, header(headers, "x-b3-parentspanid"), sampled ?? decision);
}

function sampledB3(headers: Headers): boolean | undefined {
  const sampled = header(headers, "x-b3-sampled");
  if (sampled !== undefined) return sampled === "1" || sampled === "true";
  return header(headers, "x-b3-flags") === "1" ? true : undefined;
}

/** "trace-span-sampled-parent", of which the last two may be missing, or the decision alone. */
function readSingleB3(text: string, decision: boolean): Extracted {
  if (/^[01d]$/.test(text)) return { kind: "decision", isSampled: text !== "0" };
  const [traceId = "", spanId = "", sampled, parentId, ...rest] = text.split("-");
  if (rest.length > 0 || (sampled !== undefined && !/^[01d]$/.test(sampled))) return broken;
  return contextOf(traceId, spanId, parentId, sampled === undefined ? decision : sampled !== "0");
}

function contextOf(
  traceId: string,
  spanId: string,
  parentId: string | undefined,
  isSampled: boolean,
): Extracted {
  if (!traceIdText.test(traceId) || !spanIdText.test(spanId)) return broken;
  if (parentId !== undefined && parentId !== "" && !spanIdText.test(parentId)) return broken;
  return {
    kind: "context",
    context: {
      traceId: traceId.toLowerCase(),
      spanId: spanId.toLowerCase(),
      parentId: parentId || undefined,
      isSampled,
      state: undefined,
    },
  };
}

const traceParent = /^[0-9a-f]{2}-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})$/i;

function extractW3c(headers: Headers): Extracted {
  const text = header(headers, "traceparent");
  if (text === undefined) return nothing;
  const [, traceId = "", spanId = "", flags = ""] = traceParent.exec(text) ?? [];
  if (traceId === "" || /^0+$/.test(traceId) || /^0+$/.test(spanId)) return broken;
  return {
    kind: "context",
    context: {
      traceId: traceId.toLowerCase(),
      spanId: spanId.toLowerCase(),
      parentId: undefined,
      isSampled: (Number.parseInt(flags, 16) & 1) === 1,
      state: header(headers, "tracestate"),
    },
  };
}
