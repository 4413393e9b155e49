import { create, createRegistry, type JsonValue, type Message, toJson } from "@bufbuild/protobuf";
import { anyPack } from "@bufbuild/protobuf/wkt";
import {
  BootstrapConfigDumpSchema,
  type ConfigDump,
  ConfigDumpSchema,
  SecretsConfigDumpSchema,
} from "../../xds/gen/envoy/admin/v3/config_dump_pb.js";
import {
  ClustersConfigDumpSchema,
  EndpointsConfigDumpSchema,
  ListenersConfigDumpSchema,
  RoutesConfigDumpSchema,
  ScopedRoutesConfigDumpSchema,
} from "../../xds/gen/envoy/admin/v3/config_dump_shared_pb.js";
import { type TypeUrl, typeUrls } from "../../xds/index.ts";
import type { ProxySnapshot } from "../translate/snapshot.ts";
import { resourceSchemas } from "./encode.ts";
import { resourceRegistry } from "./resource-registry.ts";
import { resourcesOf } from "./watch.ts";

const registry = createRegistry(
  resourceRegistry,
  ...Object.values(resourceSchemas),
  BootstrapConfigDumpSchema,
  ClustersConfigDumpSchema,
  EndpointsConfigDumpSchema,
  ListenersConfigDumpSchema,
  RoutesConfigDumpSchema,
  ScopedRoutesConfigDumpSchema,
  SecretsConfigDumpSchema,
);

/**
 * A proxy's configuration in the form of Envoy's /config_dump, as istiod makes it from what it sends. Endpoints only
 * on request, as Envoy has it; of secrets the names only.
 */
export function configDump(snapshot: ProxySnapshot, includeEndpoints = false): ConfigDump {
  const all = (typeUrl: TypeUrl) => resources(snapshot, typeUrl);
  const endpoints = create(EndpointsConfigDumpSchema, {
    dynamicEndpointConfigs: all(typeUrls.endpoint).map(({ any }) => ({ endpointConfig: any })),
  });
  return create(ConfigDumpSchema, {
    configs: [
      anyPack(BootstrapConfigDumpSchema, create(BootstrapConfigDumpSchema)),
      anyPack(
        ClustersConfigDumpSchema,
        create(ClustersConfigDumpSchema, {
          dynamicActiveClusters: all(typeUrls.cluster).map(({ any }) => ({ cluster: any })),
        }),
      ),
      ...(includeEndpoints ? [anyPack(EndpointsConfigDumpSchema, endpoints)] : []),
      anyPack(
        ListenersConfigDumpSchema,
        create(ListenersConfigDumpSchema, {
          dynamicListeners: all(typeUrls.listener).map(({ name, any }) => ({
            name,
            activeState: { listener: any },
          })),
        }),
      ),
      anyPack(ScopedRoutesConfigDumpSchema, create(ScopedRoutesConfigDumpSchema)),
      anyPack(
        RoutesConfigDumpSchema,
        create(RoutesConfigDumpSchema, {
          dynamicRouteConfigs: all(typeUrls.route).map(({ any }) => ({ routeConfig: any })),
        }),
      ),
      anyPack(
        SecretsConfigDumpSchema,
        create(SecretsConfigDumpSchema, {
          dynamicActiveSecrets: [...snapshot.secrets.keys()].map((name) => ({ name })),
        }),
      ),
    ],
  });
}

/** A proxy's resources of one type, bare. Not for secrets. */
export function resourceDump(
  snapshot: ProxySnapshot,
  typeUrl: Exclude<TypeUrl, typeof typeUrls.secret>,
): ConfigDump {
  return create(ConfigDumpSchema, { configs: resources(snapshot, typeUrl).map(({ any }) => any) });
}

export function dumpToJson(dump: ConfigDump): JsonValue {
  return toJson(ConfigDumpSchema, dump, { registry });
}

function resources(snapshot: ProxySnapshot, typeUrl: TypeUrl) {
  return [...resourcesOf(snapshot, typeUrl)].map(([name, message]: [string, Message]) => ({
    name,
    any: anyPack(resourceSchemas[typeUrl], message),
  }));
}
