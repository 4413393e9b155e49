import type { Cluster } from "../cluster/cluster.ts";
import type { RequestHead, UpstreamStream } from "../http/codec.ts";
import { dropAnswer } from "../router/drop-answer.ts";
import { encodeSpans } from "./encode-spans.ts";
import type { Collector, Span, SpanSink } from "./span.ts";

/** What delivering spans needs of the proxy. */
export interface SpanSinkOptions {
  readonly nodeId: string;
  /** Its node's name of the service that it belongs to. */
  readonly service: string;
  readonly address: string;
  cluster(name: string): Cluster | undefined;
  after(delay: number, action: () => void): () => void;
}

/** Spans that are sent at once, without waiting for more. */
const batch = 5;
/** Spans that wait for one collector; newer ones are dropped. */
const maxWaiting = 1000;
/** Deliveries to one collector that run at a time. */
const maxDeliveries = 2;
/** Milliseconds that a span waits for company. */
const patience = 5000;

interface Queue {
  readonly spans: Span[];
  running: number;
  cancel: (() => void) | undefined;
}

/**
 * Sends spans to collectors through the proxy's clusters, some together and none twice: what a collector does not take
 * is lost. `close` drops what waits.
 */
export function createSpanSink(options: SpanSinkOptions): SpanSink & { close(): void } {
  const queues = new Map<string, Queue>();
  let closed = false;

  return {
    nodeId: options.nodeId,
    report(collector, span) {
      if (closed) return;
      const { key } = collector;
      let queue = queues.get(key);
      if (queue === undefined) {
        queue = { spans: [], running: 0, cancel: undefined };
        queues.set(key, queue);
      }
      if (queue.spans.length >= maxWaiting) return;
      queue.spans.push(span);
      if (queue.spans.length >= batch) flush(collector, queue);
      else queue.cancel ??= options.after(patience, () => flush(collector, queue));
    },
    close() {
      closed = true;
      for (const { cancel } of queues.values()) cancel?.();
      queues.clear();
    },
  };

  function flush(collector: Collector, queue: Queue) {
    queue.cancel?.();
    queue.cancel = undefined;
    if (closed || queue.running >= maxDeliveries) return;
    if (queue.spans.length === 0) {
      // Collectors of a former configuration leave nothing behind.
      if (queue.running === 0) queues.delete(collector.key);
      return;
    }
    queue.running++;
    const spans = queue.spans.splice(0);
    deliver(options, collector, spans, () => {
      queue.running--;
      flush(collector, queue);
    });
  }
}

function deliver(options: SpanSinkOptions, collector: Collector, spans: readonly Span[], done: () => void) {
  const cluster = options.cluster(collector.cluster);
  const host = cluster?.pick({
    hash: undefined,
    originalDestination: undefined,
    tried: undefined,
    maxAttempts: 1,
  });
  if (cluster === undefined || host === undefined) return done();
  const { service, address } = options;
  const { body, contentType } = encodeSpans(spans, collector.format, {
    service: collector.serviceName ?? service,
    address,
  });
  const isGrpc = collector.format === "otlp grpc";
  const head: RequestHead = {
    method: "POST",
    path: collector.path,
    authority: collector.authority,
    hasHost: true,
    scheme: "http",
    headers: ["content-type", contentType, ...(isGrpc ? ["te", "trailers"] : []), ...collector.headers],
    version: isGrpc ? "HTTP/2" : "HTTP/1.1",
    upgrade: undefined,
    contentLength: isGrpc ? undefined : body.length,
  };
  let stream: UpstreamStream | undefined;
  let stopWaiting: (() => void) | undefined;
  const { sink, finish } = dropAnswer(cluster, host, () => {
    cancel();
    done();
  });
  const cancel = options.after(collector.timeout, () => {
    stopWaiting?.();
    stream?.reset();
    finish();
  });
  const http2 = isGrpc || cluster.config.protocol === "http2";
  stopWaiting = cluster.pool(host, http2, undefined, collector.authority).acquire({
    ready(connection) {
      stopWaiting = undefined;
      stream = connection.start(head, false, sink);
      stream.data(body, true);
      stream.flush();
    },
    failed(reason) {
      sink.reset(reason, "");
    },
  });
}
