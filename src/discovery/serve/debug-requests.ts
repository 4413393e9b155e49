import { create } from "@bufbuild/protobuf";
import { type Any, AnySchema, anyPack, timestampFromMs } from "@bufbuild/protobuf/wkt";
import { ClientConfigSchema, ConfigStatus } from "../../xds/gen/envoy/service/status/v3/csds_pb.js";
import { GrpcError, grpcStatus } from "../../xds/index.ts";
import type { AdsStream } from "./ads-stream.ts";
import type { Caller } from "./authenticate.ts";
import { type ControlPlaneIdentity, controlPlaneIdentifier } from "./control-plane-identity.ts";
import { type DebugAnswer, debugTypes } from "./debug-types.ts";
import type { HttpHandler } from "./http-servers.ts";
import { type SyncState, streamOf, syncState } from "./sync-status.ts";

export interface DebugRequestOptions {
  readonly identity: ControlPlaneIdentity;
  readonly systemNamespace: string;
  readonly streams: ReadonlySet<AdsStream>;
  readonly pages: HttpHandler;
}

/** Pages that callers of other namespaces than istiod's may see, of proxies of their own. */
const pagesForAll: ReadonlySet<string> = new Set(["config_dump", "ndsz", "edsz"]);

const statuses: Readonly<Record<SyncState, ConfigStatus>> = {
  SYNCED: ConfigStatus.SYNCED,
  STALE: ConfigStatus.STALE,
  "NOT SENT": ConfigStatus.NOT_SENT,
};

/**
 * Answers what tools such as istioctl ask istiod over ADS. Callers have to be authenticated; those of other namespaces
 * than istiod's own see the proxies of their namespace only. Throws GrpcError to those who may not ask.
 */
export function createDebugRequests(options: DebugRequestOptions) {
  const { streams, systemNamespace } = options;
  return async (
    caller: Caller | undefined,
    typeUrl: string,
    names: readonly string[],
  ): Promise<DebugAnswer> => {
    if (caller === undefined) throw new GrpcError(grpcStatus.unauthenticated, "authentication required");
    const seesAll = caller.namespace === systemNamespace;
    const visible = [...streams].filter(
      ({ proxy }) => proxy !== undefined && (seesAll || proxy.namespace === caller.namespace),
    );
    const answer = (resources: DebugAnswer["resources"]) => ({
      resources,
      controlPlane: controlPlaneIdentifier(options.identity),
    });
    if (typeUrl === debugTypes.sync) return answer(visible.flatMap(clientConfig));
    const [name = "", ...more] = names;
    if (typeUrl === debugTypes.configDump) {
      const snapshot = more.length > 0 ? undefined : streamOf(visible, name)?.snapshot;
      if (snapshot === undefined) return answer([]);
      const { configDump } = await import("./config-dump.ts");
      return answer(configDump(snapshot).configs.map((any) => ({ name: "", any })));
    }
    if (name === "" || more.length > 0)
      throw new GrpcError(grpcStatus.invalidArgument, "exactly one debug request is required");
    const url = new URL(`http://istiod/debug/${name}`);
    const page = url.pathname.replace(/^\/debug\//, "");
    const proxyId = url.searchParams.get("proxyID") ?? "";
    if (!seesAll && (!pagesForAll.has(page) || streamOf(visible, proxyId) === undefined))
      throw new GrpcError(
        grpcStatus.permissionDenied,
        `callers of namespace ${caller.namespace} may not see ${page.slice(0, 100)} of this`,
      );
    const request = { method: "GET", path: url.pathname, query: url.searchParams, body: "", peerAddress: "" };
    return answer([{ name, any: text(await options.pages(request)) }]);
  };
}

/** The answer of a page as the resource that tools print. */
function text({ body }: { readonly body: unknown }): Any {
  const value = Buffer.from(typeof body === "string" ? body : JSON.stringify(body, undefined, 2));
  return create(AnySchema, { typeUrl: debugTypes.page, value });
}

/** What a proxy was sent and said to it, in the form of Envoy's client status service. */
function clientConfig({ proxy, watches }: AdsStream) {
  if (proxy === undefined) return [];
  const { id, clusterId, namespace, istioVersion } = proxy;
  const config = create(ClientConfigSchema, {
    node: {
      id,
      metadata: { CLUSTER_ID: clusterId, NAMESPACE: namespace, ISTIO_VERSION: istioVersion },
    },
    genericXdsConfigs: [...watches.values()]
      .sort((a, b) => (a.typeUrl < b.typeUrl ? -1 : 1))
      .map((watch) => ({
        typeUrl: watch.typeUrl,
        configStatus: watch.rejection === undefined ? statuses[syncState(watch)] : ConfigStatus.ERROR,
        lastUpdated: timestampFromMs(watch.sentAt),
        ...(watch.rejection === undefined
          ? {}
          : {
              errorState: {
                details: watch.rejection.message,
                lastUpdateAttempt: timestampFromMs(watch.rejection.at),
              },
            }),
      })),
  });
  return [{ name: id, any: anyPack(ClientConfigSchema, config) }];
}
