import type { Cluster } from "../cluster/cluster.ts";
import type { Host } from "../cluster/host.ts";
import type { PooledConnection } from "../cluster/http-pool.ts";
import { takeMetadata, tellMetadata } from "../filters/peer-metadata.ts";
import type {
  RequestHead,
  RequestSink,
  ResetReason,
  ResponseHead,
  ResponseSink,
  ResponseWriter,
  UpstreamStream,
} from "../http/codec.ts";
import { dropHeader, type Headers, header, setHeader } from "../http/headers.ts";
import { codecError } from "../http1/parse-head.ts";
import { reasonPhrase } from "../http1/write-head.ts";
import { startTrace, type Trace } from "../tracing/start-trace.ts";
import { newFacts } from "./facts.ts";
import { finishHeaders } from "./finish-headers.ts";
import type { HttpConnection } from "./http-connection.ts";
import { countStatus } from "./http-stats.ts";
import {
  type LocalReply,
  localResponse,
  replies,
  resetFlags,
  resetReply,
  routeReply,
} from "./local-reply.ts";
import { mirrorRequest } from "./mirror.ts";
import { prepareRequest } from "./prepare-request.ts";
import { createRetryPermit } from "./retry-permit.ts";
import { rewriteRequest } from "./rewrite-request.ts";
import type { ForwardAction, Route, Target } from "./route.ts";
import type { RouteTable } from "./route-table.ts";
import { expectedTimeout, type RequestTimeouts, requestTimeouts } from "./route-timeout.ts";
import { type FilterRun, runFilter } from "./run-filters.ts";
import { passOperation } from "./trace-operation.ts";
import { beginTry, countAnswer, countFailure, endTry } from "./upstream.ts";
import { watchIdle } from "./watch-idle.ts";

/** Body bytes that are kept for another try, or while no upstream connection stands (per_connection_buffer_limit). */
const maxKeptBody = 1024 * 1024;
/** Bytes of body waiting for an upstream connection beyond which the client is not read. */
const maxWaitingBody = 64 * 1024;

/**
 * Runs one request through the HTTP connection manager and the router: prepares it, finds its route, asks the
 * filters, forwards it with retries and time limits, and logs it. Everything it starts ends with the exchange.
 */
export function startExchange(
  connection: HttpConnection,
  head: RequestHead,
  end: boolean,
  writer: ResponseWriter,
): RequestSink {
  const { runtime, chain, downstream, stats } = connection;
  const facts = newFacts(runtime.now(), downstream, connection.chainName, head);
  let bodyEnded = end;
  let body: Buffer[] | undefined;
  let bodyBytes = 0;
  let isKept = false;
  let over = false;
  let committed = false;
  let readsPaused = false;
  let table: RouteTable | undefined;
  let route: Route | undefined;
  let target: Target | undefined;
  let action: ForwardAction | undefined;
  let run: FilterRun | undefined;
  let cluster: Cluster | undefined;
  let host: Host | undefined;
  let tried: Host[] | undefined;
  let stream: UpstreamStream | undefined;
  let stopWaiting: (() => void) | undefined;
  let waitsForUpstream = false;
  let headersSent = false;
  let retriesLeft = 0;
  let isTunnel = false;
  let timers: (() => void)[] | undefined;
  let cancelTry: (() => void) | undefined;
  let lastActivity = 0;
  let timeoutAfterBody = 0;
  let retryPending = false;
  const retryPermit = createRetryPermit();
  let operation: string | undefined;
  let trace: Trace | undefined;
  let requestTrailers: Headers | undefined;
  let timeouts: RequestTimeouts | undefined;

  stats.downstream_rq_total++;
  stats.downstream_rq_active++;
  stats.rq_total++;
  if (end) facts.requestDone = facts.started;

  const fromUpstream: ResponseSink = {
    informational(status, headers) {
      if (chain.forwardsExpect) writer.informational(status, headers);
    },
    head: onAnswer,
    data(chunk, last) {
      facts.bytesSent += chunk.length;
      lastActivity = chain.streamIdleTimeout === 0 ? 0 : performance.now();
      const flowing = writer.data(chunk, last);
      if (isTunnel && last) failAfterHead("connection termination");
      if (last) finish();
      else if (!flowing) stream?.pause();
    },
    trailers(headers) {
      facts.responseTrailers = headers;
      writer.trailers(headers);
      finish();
    },
    flush: writer.flush,
    reset: onReset,
    drained: resumeReads,
  };

  const sink: RequestSink = {
    data: onBody,
    trailers(headers) {
      requestTrailers = headers;
      onBody(empty, true);
    },
    flush() {
      stream?.flush();
    },
    aborted(reason) {
      if (over) return;
      stats.downstream_rq_rx_reset++;
      facts.flags.push(reason === "protocol" ? "DPE" : "DC");
      facts.details = reason === "protocol" ? codecError.details : "downstream_remote_disconnect";
      if (!committed) facts.status = reason === "protocol" ? codecError.status : 0;
      if (!committed && reason === "protocol") facts.bytesSent = reasonPhrase(codecError.status).length;
      abandonTry();
      finish();
    },
    drained() {
      stream?.resume();
    },
  };

  begin();
  return sink;

  function begin() {
    if (!head.hasHost) return reply(replies.missingHost);
    if (head.path.charCodeAt(0) !== 0x2f && head.path !== "") return reply(replies.noPath);
    const prepared = prepareRequest(head, chain, downstream, connection.xfcc);
    if (prepared.kind === "bad-path") return reply(replies.badPath);
    if (prepared.kind === "redirect") {
      return reply(replies.plainPath, ["location", prepared.location]);
    }
    facts.clientAddress = prepared.clientAddress;
    if (chain.peerMetadata?.learnsFromClient) facts.peerMetadata = takeMetadata(head.headers);
    if (!chain.forwardsExpect && header(head.headers, "expect") !== undefined) {
      dropHeader(head.headers, "expect");
      if (!end) writer.informational(100, []);
    }
    table = chain.routes.current;
    chooseRoute();
    if (chain.tracing !== undefined)
      trace = startTrace(chain.tracing, facts, route, connection.direction, runtime.spans);
    if (chain.traces) operation = passOperation(head.headers, route, connection.direction);
    if (chain.requestTimeout > 0 && !bodyEnded) after(chain.requestTimeout, onRequestTimeout);
    if (head.upgrade !== undefined && !chain.upgrades.has(head.upgrade)) return reply(replies.upgradeRefused);
    if (chain.filters.length > 0) {
      run = { head, facts, route, target, stats, edits: undefined, reroutes: false };
      runFilters(run, 0, false);
    } else act();
  }

  function chooseRoute() {
    route = table?.find(head);
    action = route?.action.kind === "forward" ? route.action : undefined;
    target = action?.target(head);
    facts.routeName = route?.name ?? "";
    facts.virtualHost = route?.host.name ?? "";
    facts.cluster = target?.cluster ?? "";
  }

  function runFilters(state: FilterRun, from: number, waited: boolean) {
    const { filters } = chain;
    for (let i = from; i < filters.length; i++) {
      const filter = filters[i];
      if (filter === undefined) break;
      const verdict = runFilter(filter, state, waited && i === from);
      if (state.reroutes) {
        state.reroutes = false;
        chooseRoute();
        Object.assign(state, { route, target });
      }
      if (verdict === undefined) continue;
      if (verdict.kind === "reply") return reply(verdict.reply, verdict.headers);
      after(verdict.delay, () => {
        if (!over) runFilters(state, i, true);
      });
      return;
    }
    act();
  }

  function act() {
    if (route === undefined) {
      stats.no_route++;
      return reply(replies.noRoute);
    }
    const chosen = route.action;
    if (chosen.kind !== "forward") {
      const { answer, headers } = routeReply(chosen, head);
      return reply(answer, headers);
    }
    forward(chosen);
  }

  function forward(chosen: ForwardAction) {
    if (target === undefined) return reply(replies.noCluster);
    cluster = runtime.cluster(target.cluster);
    if (cluster === undefined) {
      stats.no_cluster++;
      facts.cluster = "";
      return reply(replies.noCluster);
    }
    const { headers } = head;
    rewriteRequest(head, facts, chosen, target, route, table);
    if (chain.peerMetadata?.tellsUpstream) tellMetadata(headers, runtime.ownMetadata);
    const { retry } = chosen;
    retriesLeft = retry?.retries ?? 0;
    isKept = retry !== undefined || chosen.mirrors.length > 0;
    timeouts = requestTimeouts(chosen, headers);
    if (timeouts.whole > 0) {
      if (bodyEnded) after(timeouts.whole, onTimeout);
      else timeoutAfterBody = timeouts.whole;
    }
    if (chosen.maxStreamDuration !== undefined && chosen.maxStreamDuration > 0) {
      after(chosen.maxStreamDuration, () => onLimit(replies.streamDuration));
    }
    const idle = chosen.idleTimeout ?? chain.streamIdleTimeout;
    if (idle > 0) {
      lastActivity = performance.now();
      watchIdle(
        idle,
        () => lastActivity,
        after,
        () => onLimit(replies.idleTimeout),
      );
    }
    tryUpstream();
    if (bodyEnded) mirror();
  }

  function tryUpstream() {
    if (cluster === undefined || action === undefined) return;
    facts.attempts++;
    if (facts.attempts > 1 && route?.host.attemptCount) {
      setHeader(head.headers, "x-envoy-attempt-count", String(facts.attempts));
    }
    const elapsed = facts.requestDone === undefined ? 0 : performance.now() - facts.requestDone;
    const expected = timeouts === undefined ? 0 : expectedTimeout(timeouts, facts.attempts > 1 ? elapsed : 0);
    if (expected > 0) setHeader(head.headers, "x-envoy-expected-rq-timeout-ms", String(expected));
    const hashed = action.hash(head, downstream);
    if (hashed.cookie !== undefined) {
      const cookie = hashed.cookie;
      run ??= { head, facts, route, target, stats, edits: undefined, reroutes: false };
      run.edits ??= [];
      run.edits.push((headers) => headers.push("set-cookie", cookie));
    }
    const chosen = cluster.pick({
      hash: hashed.hash,
      originalDestination: downstream.destination,
      tried: action.retry?.avoidsTried ? tried : undefined,
      maxAttempts: action.retry?.hostAttempts ?? 1,
    });
    if (chosen === undefined) return reply(replies.noHealthyUpstream);
    host = chosen;
    facts.upstreamHost = chosen;
    if (cluster.circuit.requests >= cluster.config.circuit.requests) {
      cluster.stats.upstream_rq_pending_overflow++;
      host = undefined;
      return reply(resetReply("overflow", "", false), ["x-envoy-overloaded", "true"]);
    }
    if (action.autoHostRewrite && chosen.hostname !== undefined) head.authority = chosen.hostname;
    beginTry(cluster, chosen);
    trace?.beginTry(head.headers, cluster);
    const { protocol } = cluster.config;
    const http2 = protocol === "http2" || (protocol === "downstream" && head.version === "HTTP/2");
    waitsForUpstream = true;
    headersSent = false;
    const perTry = timeouts?.perTry ?? 0;
    if (perTry > 0) cancelTry = runtime.after(perTry, onTryTimeout);
    const stop = cluster
      .pool(chosen, http2, http2 ? chain.alpn?.http2 : chain.alpn?.http1, head.authority)
      .acquire({
        ready: onConnection,
        failed: onReset,
      });
    if (waitsForUpstream) stopWaiting = stop;
  }

  function onConnection(to: PooledConnection) {
    waitsForUpstream = false;
    stopWaiting = undefined;
    facts.upstreamLocalAddress = to.localAddress;
    facts.upstreamPeer = to.peer;
    facts.ownPrincipal = to.own;
    headersSent = true;
    const bodyless = bodyEnded && bodyBytes === 0;
    const started = to.start(head, bodyless, fromUpstream);
    if (over || waitsForUpstream) return;
    stream = started;
    if (body !== undefined) {
      const chunks = body;
      if (!isKept) body = undefined;
      for (const [index, chunk] of chunks.entries()) {
        sendBody(chunk, bodyEnded && index === chunks.length - 1);
      }
    }
    stream?.flush();
    if (!bodyEnded) resumeReads();
  }

  function onBody(chunk: Buffer, last: boolean) {
    if (over) return;
    facts.bytesReceived += chunk.length;
    bodyBytes += chunk.length;
    if (chain.streamIdleTimeout > 0) lastActivity = performance.now();
    if (last) {
      bodyEnded = true;
      facts.requestDone = performance.now();
      if (timeoutAfterBody > 0) after(timeoutAfterBody, onTimeout);
    }
    if (isTunnel) isKept = false;
    if (stream === undefined || isKept) keep(chunk);
    if (stream !== undefined) {
      if (!sendBody(chunk, last) && !last) pauseReads();
    } else if (bodyBytes > maxWaitingBody) pauseReads();
    if (last) mirror();
  }

  function sendBody(chunk: Buffer, last: boolean): boolean {
    if (stream === undefined) return true;
    if (!last || requestTrailers === undefined) return stream.data(chunk, last);
    if (chunk.length > 0) stream.data(chunk, false);
    stream.trailers(requestTrailers);
    return true;
  }

  function keep(chunk: Buffer) {
    if (bodyBytes > maxKeptBody && stream !== undefined) {
      // Too long to be sent twice.
      isKept = false;
      body = undefined;
      return;
    }
    body ??= [];
    body.push(chunk);
  }

  function pauseReads() {
    if (readsPaused) return;
    readsPaused = true;
    writer.pause();
  }

  function resumeReads() {
    if (!readsPaused) return;
    readsPaused = false;
    writer.resume();
  }

  function mirror() {
    if (action === undefined || action.mirrors.length === 0) return;
    if (bodyBytes > 0 && body === undefined) return;
    for (const copy of action.mirrors) {
      if (copy.applies()) mirrorRequest(runtime, copy, head, body ?? []);
    }
  }

  function onAnswer(answer: ResponseHead, last: boolean) {
    if (over || cluster === undefined || host === undefined) return;
    facts.firstUpstreamByte = performance.now();
    countAnswer(cluster, host, answer);
    cancelTry?.();
    cancelTry = undefined;
    if (action?.retry?.retriesStatus(answer.status, answer.headers) && mayRetry()) {
      if (!last) stream?.reset();
      stream = undefined;
      endTry(cluster, host);
      return retry();
    }
    if (facts.attempts > 1 && answer.status < 500) cluster.stats.upstream_rq_retry_success++;
    commit(answer, last);
  }

  function commit(answer: ResponseHead, last: boolean) {
    retryPermit.release();
    committed = true;
    facts.status = answer.status;
    facts.details = "via_upstream";
    const { headers } = answer;
    if (chain.peerMetadata?.learnsFromUpstream) facts.peerMetadata = takeMetadata(headers);
    // An answer that comes before its request is complete says nothing about the time that it took.
    if (facts.requestDone !== undefined) {
      const took = Math.round(performance.now() - facts.requestDone);
      setHeader(headers, "x-envoy-upstream-service-time", String(took));
    }
    isTunnel = answer.status === 101;
    const flowing = sendHead(answer, last);
    if (last) finish();
    else if (!flowing) stream?.pause();
  }

  /** Everything that is done to a response's headers, whoever made it. */
  function sendHead(answer: ResponseHead, last: boolean): boolean {
    finishHeaders(answer.headers, {
      chain,
      runtime,
      facts,
      head,
      target,
      route,
      table,
      edits: run?.edits,
      direction: connection.direction,
      operation,
    });
    facts.responseHeaders = answer.headers;
    return writer.head(answer, last);
  }

  function onReset(reason: ResetReason, detail: string) {
    if (over) return;
    waitsForUpstream = false;
    stopWaiting = undefined;
    stream = undefined;
    cancelTry?.();
    cancelTry = undefined;
    if (cluster === undefined || host === undefined) return;
    countFailure(cluster, host, reason);
    endTry(cluster, host);
    if (detail !== "") facts.transportFailure = detail;
    if (committed) {
      failAfterHead(reason);
      host = undefined;
      writer.reset();
      return finish();
    }
    // Turned away by the pool, it had no host.
    if (reason === "overflow") facts.upstreamHost = undefined;
    if (action?.retry?.retriesReset(reason, !headersSent) && mayRetry()) return retry();
    host = undefined;
    const overloaded: Headers = reason === "overflow" ? ["x-envoy-overloaded", "true"] : [];
    reply(resetReply(reason, detail, facts.attempts > 1), overloaded);
  }

  function failAfterHead(reason: ResetReason) {
    facts.flags.push(resetFlags[reason]);
    facts.details = `upstream_reset_after_response_started{${reason.replaceAll(" ", "_")}}`;
  }

  function mayRetry(): boolean {
    retryPermit.release();
    if (action?.retry === undefined || cluster === undefined) return false;
    if (retriesLeft <= 0) {
      facts.flags.push("URX");
      cluster.stats.upstream_rq_retry_limit_exceeded++;
      return false;
    }
    // What was sent once and not kept can't be sent again.
    if (bodyBytes > 0 && body === undefined) return false;
    return retryPermit.take(cluster);
  }

  function retry() {
    if (action?.retry === undefined || cluster === undefined) return;
    const { backOff, maxBackOff, avoidsTried } = action.retry;
    retriesLeft--;
    cluster.stats.upstream_rq_retry++;
    if (avoidsTried && host !== undefined) {
      tried ??= [];
      tried.push(host);
    }
    host = undefined;
    const limit = Math.min(maxBackOff, backOff * 2 ** (facts.attempts - 1));
    retryPending = true;
    after(Math.random() * limit, () => {
      if (!retryPending) return;
      retryPending = false;
      tryUpstream();
    });
  }

  function onTryTimeout() {
    if (over || committed || cluster === undefined || host === undefined) return;
    cluster.stats.upstream_rq_per_try_timeout++;
    host.stats.rqTimeout++;
    cluster.outlier.answered(host, 504);
    abandonTry();
    if (mayRetry()) return retry();
    host = undefined;
    reply(replies.tryTimeout);
  }

  function onTimeout() {
    if (cluster !== undefined) cluster.stats.upstream_rq_timeout++;
    if (host !== undefined && cluster !== undefined && !committed) {
      host.stats.rqTimeout++;
      cluster.outlier.answered(host, 504);
    }
    onLimit(replies.timeout);
  }

  function onRequestTimeout() {
    if (bodyEnded) return;
    stats.downstream_rq_timeout++;
    onLimit(replies.requestTimeout);
  }

  /** A time limit is over: the upstream is left alone, the client gets an answer or a broken one. */
  function onLimit(answer: LocalReply) {
    if (over) return;
    abandonTry();
    if (!committed) return reply(answer);
    if (answer.flag !== undefined) facts.flags.push(answer.flag);
    writer.reset();
    finish();
  }

  function abandonTry() {
    cancelTry?.();
    cancelTry = undefined;
    stopWaiting?.();
    stopWaiting = undefined;
    waitsForUpstream = false;
    const open = stream;
    stream = undefined;
    if (open !== undefined) {
      if (cluster !== undefined) cluster.stats.upstream_rq_tx_reset++;
      open.reset();
    }
    if (cluster !== undefined && host !== undefined) {
      endTry(cluster, host);
      host = undefined;
    }
    retryPending = false;
  }

  function reply(answer: LocalReply, extra: Headers = []) {
    if (over) return;
    committed = true;
    if (host !== undefined && cluster !== undefined) {
      endTry(cluster, host);
      host = undefined;
    }
    if (answer.flag !== undefined) facts.flags.push(answer.flag);
    facts.details = answer.details;
    const { status, headers, bytes, hasLength } = localResponse(answer, head, extra);
    facts.status = status;
    const last = bytes.length === 0 || head.method === "HEAD";
    // After a bad request nobody knows what the client takes for the next one.
    const closes = status === 400 || head.method === "CONNECT";
    sendHead({ status, headers, contentLength: hasLength ? bytes.length : undefined, closes }, last);
    if (!last) facts.bytesSent += bytes.length;
    if (!last) writer.data(bytes, true);
    finish();
  }

  function after(delay: number, action: () => void) {
    timers ??= [];
    timers.push(runtime.after(delay, action));
  }

  function finish() {
    if (over) return;
    over = true;
    retryPermit.release();
    if (host !== undefined && cluster !== undefined) endTry(cluster, host);
    cancelTry?.();
    if (timers !== undefined) for (const cancel of timers) cancel();
    if (stream !== undefined && !bodyEnded && !isTunnel) {
      // The answer is complete and the request is not: the rest of it is nobody's business any more.
      stream.reset();
    }
    stream = undefined;
    body = undefined;
    facts.ended = performance.now();
    stats.downstream_rq_active--;
    countStatus(stats, facts.status);
    for (const log of chain.accessLogs) {
      const line = log(facts);
      if (line !== undefined) runtime.log(line);
    }
    runtime.report(facts, connection.direction);
    trace?.finish();
  }
}

const empty = Buffer.alloc(0);
