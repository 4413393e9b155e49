import type { SpanContext } from "./trace-context.ts";

/** A span that is over. */
export interface Span {
  readonly context: SpanContext;
  readonly name: string;
  readonly kind: "client" | "server";
  /** Milliseconds since 1970. */
  readonly startTime: number;
  /** Milliseconds. */
  readonly duration: number;
  readonly tags: readonly (readonly [name: string, value: string])[];
  readonly isError: boolean;
}

/** Where spans go. */
export interface Collector {
  /** The same for all that goes to the same place in the same way. */
  readonly key: string;
  readonly format: "zipkin json" | "otlp http" | "otlp grpc";
  readonly cluster: string;
  readonly authority: string;
  readonly path: string;
  readonly headers: readonly string[];
  /** Milliseconds for one delivery. */
  readonly timeout: number;
  /** What spans call the service; undefined: as the proxy's node does. */
  readonly serviceName: string | undefined;
}

/** Takes spans for collectors. */
export interface SpanSink {
  report(collector: Collector, span: Span): void;
  readonly nodeId: string;
}
