import { create } from "@bufbuild/protobuf";
import { type Node, NodeSchema } from "../../xds/gen/envoy/config/core/v3/base_pb.js";
import type { AgentConfig } from "./agent-config.ts";

/** Where a pod runs, from the labels of its node. */
export interface Locality {
  readonly region: string;
  readonly zone: string;
  readonly subZone: string;
}

/** The Node that a proxy names itself by on every stream: "sidecar~IP~POD.NAMESPACE~DOMAIN". */
export function createXdsNode(config: AgentConfig, locality: Locality | undefined): Node {
  const { role, instanceIp, podName, namespace, domain, serviceCluster, metadata } = config;
  const type = role === "router" ? "router" : "sidecar";
  return create(NodeSchema, {
    id: `${type}~${instanceIp}~${podName}.${namespace}~${domain}`,
    cluster: serviceCluster,
    metadata,
    ...(locality === undefined ? {} : { locality: { ...locality } }),
    userAgentName: "isthmus",
  });
}
