import { fromBinary, type Message } from "@bufbuild/protobuf";
import type { Clock, Logger } from "../../base/index.ts";
import type { Node } from "../../xds/gen/envoy/config/core/v3/base_pb.js";
import {
  DeltaDiscoveryRequestSchema,
  DiscoveryRequestSchema,
} from "../../xds/gen/envoy/service/discovery/v3/discovery_pb.js";
import { type GrpcCall, GrpcError, grpcStatus, type TypeUrl, typeUrls } from "../../xds/index.ts";
import { type ProxyNode, parseProxyNode } from "../translate/proxy-node.ts";
import type { ProxySnapshot } from "../translate/snapshot.ts";
import { type DebugAnswer, encodeDebugAnswer, isDebugType } from "./debug-types.ts";
import type { PilotMetrics } from "./pilot-metrics.ts";
import { newNonce, responseBytes } from "./response-bytes.ts";
import {
  createWatch,
  isWildcardType,
  resourcesOf,
  updateFor,
  type Watch,
  warmingClusters,
  withLeaving,
} from "./watch.ts";

/** The order in which proxies must hear of changes, so that nothing refers to what they don't have yet. */
const pushOrder: readonly TypeUrl[] = [
  typeUrls.cluster,
  typeUrls.endpoint,
  typeUrls.listener,
  typeUrls.route,
  typeUrls.secret,
  typeUrls.nameTable,
];

/** What goes only after everything that may refer to it has changed: clusters, and with them their endpoints. */
const leaveLast: readonly TypeUrl[] = [typeUrls.cluster, typeUrls.endpoint];
/** What refers to clusters. */
const referring: readonly TypeUrl[] = [typeUrls.listener, typeUrls.route];
/** How long a proxy that does not say whether it took its listeners and routes keeps clusters that are gone. */
const answerPatienceMs = 5000;

/** What streams need of the control plane. */
export interface StreamHost {
  /** Whether the caller has proved who it is: nobody else gets Secrets. */
  readonly isAuthenticated: boolean;
  /** Checks that the caller may act as this proxy. Throws GrpcError. */
  admit(proxy: ProxyNode): void;
  /** The newest snapshot for a proxy. */
  snapshotFor(proxy: ProxyNode): ProxySnapshot;
  readonly clock: Clock;
  readonly log: Logger;
  /** Answers a request for status in place of resources, of the types that `isDebugType` knows. Throws GrpcError. */
  answerDebug(typeUrl: string, names: readonly string[]): Promise<DebugAnswer>;
  /** Told when something that status pages show has changed. */
  changed(): void;
  readonly metrics?: Pick<PilotMetrics, "pushed" | "rejected">;
}

/** One proxy's stream of configuration. */
export interface AdsStream {
  readonly id: number;
  /** Undefined until the first request named it. */
  readonly proxy: ProxyNode | undefined;
  readonly node: Node | undefined;
  readonly connectedAt: number;
  readonly peerAddress: string;
  readonly protocol: "delta" | "state-of-the-world";
  readonly watches: ReadonlyMap<TypeUrl, Watch>;
  readonly snapshot: ProxySnapshot | undefined;
  /** Gives the stream a newer snapshot. Sends what changed, as fast as the proxy reads; older ones that wait are dropped. */
  publish(snapshot: ProxySnapshot): void;
}

let lastStream = 0;
/** Largest number of names that one request may list, against hostile clients. */
const mostNames = 100_000;

/** Serves one ADS call until it ends. `onOpen` hears of the stream once its proxy is known. */
export async function serveAds(
  call: GrpcCall,
  protocol: AdsStream["protocol"],
  host: StreamHost,
  onOpen: (stream: AdsStream) => void,
): Promise<void> {
  const watches = new Map<TypeUrl, Watch>();
  let proxy: ProxyNode | undefined;
  let node: Node | undefined;
  let snapshot: ProxySnapshot | undefined;
  let isPumping = false;
  let isDirty = false;
  const debugNonces = new Map<string, string>();
  const isDelta = protocol === "delta";
  call.signal.addEventListener("abort", () => stopWaiting?.(), { once: true });

  const stream: AdsStream = {
    id: ++lastStream,
    get proxy() {
      return proxy;
    },
    get node() {
      return node;
    },
    connectedAt: host.clock.now(),
    peerAddress: call.peerAddress,
    protocol,
    watches,
    get snapshot() {
      return snapshot;
    },
    publish(next) {
      if (next === snapshot) return;
      snapshot = next;
      pump();
    },
  };

  /** Sends what a watch lacks of `next`. Gives what to wait for when the proxy reads too slowly. */
  const bring = (
    watch: Watch,
    next: ReadonlyMap<string, Message>,
    current: ProxySnapshot,
  ): Promise<void> | undefined => {
    const { typeUrl } = watch;
    if (watch.sent === next && watch.forced.size === 0) return undefined;
    const update = updateFor(watch, next);
    const isFirst = watch.sent === undefined;
    watch.sent = next;
    if (update === undefined) return undefined;
    watch.known = new Map();
    watch.forced.clear();
    // Without removals in the protocol there is nothing to say of what has gone, but by the list of all.
    if (!isDelta && !isFirst && !isWildcardType(typeUrl) && update.resources.length === 0) return undefined;
    if (typeUrl === typeUrls.cluster) {
      const assignments = watches.get(typeUrls.endpoint);
      for (const name of warmingClusters(update, current.clusters))
        if (assignments?.names?.has(name) === true) assignments.forced.add(name);
    }
    const { message, nonce } = responseBytes(watch, update, protocol, next);
    watch.nonceSent = nonce;
    watch.sentAt = host.clock.now();
    host.metrics?.pushed(typeUrl, message.length);
    return call.send(message) ? undefined : call.drained();
  };
  const resources = (current: ProxySnapshot, typeUrl: TypeUrl): ReadonlyMap<string, Message> =>
    typeUrl === typeUrls.secret && !host.isAuthenticated ? noSecrets : resourcesOf(current, typeUrl);

  /** Set while clusters wait to be taken away. */
  let stopWaiting: (() => void) | undefined;
  let isPatient = true;
  const mustWait = (): boolean => {
    const isOut = isPatient && referring.some((typeUrl) => isUnanswered(watches.get(typeUrl)));
    if (isOut) {
      stopWaiting ??= host.clock.after(answerPatienceMs, () => {
        isPatient = false;
        pump();
      });
      return true;
    }
    stopWaiting?.();
    stopWaiting = undefined;
    isPatient = true;
    return false;
  };

  /**
   * Sends what is due, type by type, so that nothing refers to what the proxy does not have: what is new comes before
   * what refers to it, what is gone is taken away when the proxy has answered what referred to it. Never runs twice at
   * once.
   */
  const pumpNow = async () => {
    try {
      while (isDirty && !call.signal.aborted) {
        isDirty = false;
        for (const typeUrl of pushOrder) {
          const watch = watches.get(typeUrl);
          if (watch === undefined || snapshot === undefined) continue;
          const next = resources(snapshot, typeUrl);
          const slow = bring(
            watch,
            leaveLast.includes(typeUrl) ? withLeaving(watch.sent, next) : next,
            snapshot,
          );
          if (slow === undefined) continue;
          await slow;
          if (call.signal.aborted) return;
        }
        const current = snapshot;
        if (isDirty || current === undefined) continue;
        const leaving = leaveLast.flatMap((typeUrl) => {
          const watch = watches.get(typeUrl);
          return watch === undefined || watch.sent === resources(current, typeUrl) ? [] : [watch];
        });
        if (leaving.length > 0 && !mustWait()) {
          for (const watch of leaving) await bring(watch, resources(current, watch.typeUrl), current);
        }
        host.changed();
      }
    } finally {
      // In the same turn as the last look at `isDirty`: what comes in the next one starts it again.
      isPumping = false;
    }
  };
  const pump = () => {
    isDirty = true;
    if (isPumping) return;
    isPumping = true;
    pumpNow().catch((reason: unknown) => {
      host.log.error({ proxy: proxy?.id, reason: String(reason) }, "configuration could not be sent");
      call.end(new GrpcError(grpcStatus.internal, "configuration could not be sent"));
    });
  };
  const identify = (given: Node | undefined) => {
    if (proxy !== undefined) return;
    if (given === undefined)
      throw new GrpcError(grpcStatus.invalidArgument, "the first request names no node");
    try {
      proxy = parseProxyNode(given);
    } catch (reason) {
      throw new GrpcError(
        grpcStatus.invalidArgument,
        reason instanceof Error ? reason.message : String(reason),
      );
    }
    host.admit(proxy);
    node = given;
  };
  /** The stream counts as a proxy's from the first resources on that it asks for: tools ask for status only. */
  const open = () => {
    if (snapshot !== undefined || proxy === undefined) return;
    snapshot = host.snapshotFor(proxy);
    onOpen(stream);
  };
  const sendDebug = async (typeUrl: string, names: readonly string[], nonce: string) => {
    // It only says that the answer has come. istioctl's own requests bring a nonce of their own making.
    if (nonce !== "" && debugNonces.get(typeUrl) === nonce) return;
    const answer = await host.answerDebug(typeUrl, names);
    const sent = newNonce();
    debugNonces.set(typeUrl, sent);
    call.send(encodeDebugAnswer(protocol, typeUrl, answer, sent));
  };

  /** Notes an ACK or NACK. False when the request answers an older response. */
  const noteAnswer = (
    watch: Watch,
    nonce: string,
    version: string,
    rejection: string | undefined,
  ): boolean => {
    if (nonce === "") return true;
    if (nonce !== watch.nonceSent) return false;
    if (rejection === undefined) {
      watch.nonceAcked = nonce;
      watch.versionAcked = version;
      watch.rejection = undefined;
    } else {
      const message = rejection.replace(/\s+/g, " ").slice(0, 2000);
      watch.rejection = { message, nonce, at: host.clock.now() };
      host.metrics?.rejected(watch.typeUrl);
      host.log.warn({ proxy: proxy?.id, type: watch.typeUrl, message }, "a proxy refused its configuration");
    }
    if (stopWaiting !== undefined) pump();
    host.changed();
    return true;
  };

  for await (const message of call.messages) {
    if (isDelta) {
      const request = fromBinary(DeltaDiscoveryRequestSchema, message);
      identify(request.node);
      checkCount(request.resourceNamesSubscribe.length + Object.keys(request.initialResourceVersions).length);
      if (isDebugType(request.typeUrl))
        await sendDebug(request.typeUrl, request.resourceNamesSubscribe, request.responseNonce);
      const typeUrl = knownType(request.typeUrl);
      if (typeUrl === undefined) continue;
      open();
      const before = watches.get(typeUrl);
      const watch = before ?? createWatch(typeUrl);
      watches.set(typeUrl, watch);
      noteAnswer(watch, request.responseNonce, "", request.errorDetail?.message);
      if (before === undefined) {
        watch.known = new Map(Object.entries(request.initialResourceVersions));
        const names = request.resourceNamesSubscribe;
        const isAll = names.includes("*") || (names.length === 0 && isWildcardType(typeUrl));
        watch.names = isAll ? undefined : new Set([...names, ...watch.known.keys()]);
        pump();
        continue;
      }
      if (changeNames(watch, request.resourceNamesSubscribe, request.resourceNamesUnsubscribe)) pump();
    } else {
      const request = fromBinary(DiscoveryRequestSchema, message);
      identify(request.node);
      checkCount(request.resourceNames.length);
      if (isDebugType(request.typeUrl))
        await sendDebug(request.typeUrl, request.resourceNames, request.responseNonce);
      const typeUrl = knownType(request.typeUrl);
      if (typeUrl === undefined) continue;
      open();
      const before = watches.get(typeUrl);
      const names = request.resourceNames;
      const isAll = names.includes("*") || (names.length === 0 && isWildcardType(typeUrl));
      if (before === undefined) {
        const watch = createWatch(typeUrl);
        watch.names = isAll ? undefined : new Set(names);
        watches.set(typeUrl, watch);
        pump();
        continue;
      }
      if (!noteAnswer(before, request.responseNonce, request.versionInfo, request.errorDetail?.message))
        continue;
      if (isAll || before.names === undefined) continue;
      const added = names.filter((name) => before.names?.has(name) !== true);
      // An acknowledgement repeats all names.
      if (added.length === 0 && names.length === before.names.size) continue;
      before.names = new Set(names);
      for (const name of added) before.forced.add(name);
      if (added.length > 0) pump();
    }
  }
}

const noSecrets: ReadonlyMap<string, Message> = new Map();

/** Whether the proxy has not said yet what it makes of the last response. */
function isUnanswered(watch: Watch | undefined): boolean {
  return (
    watch !== undefined && watch.nonceSent !== watch.nonceAcked && watch.nonceSent !== watch.rejection?.nonce
  );
}

function checkCount(count: number): void {
  if (count > mostNames)
    throw new GrpcError(grpcStatus.invalidArgument, `${count} resource names are over ${mostNames}`);
}

function knownType(typeUrl: string): TypeUrl | undefined {
  return pushOrder.find((known) => known === typeUrl);
}

/** Applies a delta request's names. True when something must be sent for it. */
function changeNames(watch: Watch, subscribed: readonly string[], unsubscribed: readonly string[]): boolean {
  if (subscribed.length === 0 && unsubscribed.length === 0) return false;
  if (subscribed.includes("*")) watch.names = undefined;
  const names = watch.names;
  for (const name of unsubscribed) {
    names?.delete(name);
    watch.forced.delete(name);
  }
  for (const name of subscribed) {
    if (name === "*") continue;
    names?.add(name);
    // A client that asks again has forgotten what it had.
    watch.forced.add(name);
  }
  return subscribed.length > 0;
}
