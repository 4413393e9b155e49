export type SpanKind = "server" | "client" | "producer" | "consumer" | "internal";

/** Names and values beside a span, in the order in which they were reported. */
export type Tags = readonly (readonly [key: string, value: string | number | boolean])[];

/** One operation of a trace, as the service that did it reported it. Times are microseconds, as in Zipkin and Jaeger. */
export interface Span {
  /** 32 hexadecimal digits, lower case; ids of 64 bits have zeros before. */
  readonly traceId: string;
  /** 16 hexadecimal digits, lower case. */
  readonly spanId: string;
  /** The span that caused this one; absent in the first of a trace. */
  readonly parentId?: string;
  /** Spans of this or other traces that it follows from, beside its parent. */
  readonly links: readonly { readonly traceId: string; readonly spanId: string }[];
  readonly name: string;
  readonly kind?: SpanKind;
  /** Since 1970. */
  readonly start: number;
  readonly duration: number;
  readonly service: string;
  /** Of whoever reported it: its address, its version … */
  readonly process: Tags;
  readonly tags: Tags;
  readonly logs: readonly { readonly at: number; readonly fields: Tags }[];
  readonly isError: boolean;
}

/** What was read of a report: its spans, and how many were left out for want of an id, a time or the like. */
export interface ReadSpans {
  readonly spans: readonly Span[];
  readonly rejected: number;
}

/** A report that is not of the format that it says it is. */
export class SpanFormatError extends Error {
  override readonly name = "SpanFormatError";
}

/** `text` as a trace's id, or undefined when it is none: 1 to 32 hexadecimal digits, not all zero. */
export function traceIdOf(text: string): string | undefined {
  return idOf(text, 32);
}

/** `text` as a span's id, or undefined when it is none: 1 to 16 hexadecimal digits, not all zero. */
export function spanIdOf(text: string): string | undefined {
  return idOf(text, 16);
}

function idOf(text: string, digits: number): string | undefined {
  if (text.length > digits || !/^[0-9a-f]+$/i.test(text) || /^0+$/.test(text)) return undefined;
  return text.toLowerCase().padStart(digits, "0");
}
