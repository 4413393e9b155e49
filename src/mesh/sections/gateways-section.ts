import { dnsLabel } from "../schema/names.ts";
import { field, object, type ReadFields } from "../schema/object.ts";
import type { Read, Reader } from "../schema/reader.ts";
import {
  eitherOf,
  flag,
  freeMap,
  integer,
  listOf,
  mapOf,
  mapped,
  oneOf,
  port,
  text,
} from "../schema/values.ts";
import { plainValue } from "../yaml/located.ts";

/** Service fields with rules of their own; every other field of a ServiceSpec is passed through. */
const checkedServiceFields = {
  type: field(
    oneOf("LoadBalancer", "NodePort", "ClusterIP"),
    "Type of the Service: LoadBalancer, but ClusterIP for an egress gateway, when not given.",
  ),
  annotations: field(
    mapped(mapOf(text()), (all) => Object.fromEntries(all)),
    "Annotations of the Service, for example for a cloud's load balancer.",
  ),
  ports: field(
    listOf(
      object("ports of a gateway have", {
        name: field(
          text(dnsLabel("a port name")),
          "Name of the port; its first part tells Istio the protocol.",
          {
            required: true,
            examples: ["http2"],
          },
        ),
        port: field(port(), "Port of the Service.", { required: true, examples: [80] }),
        targetPort: field(port(), "Port of the gateway's pod; the same when not given."),
        nodePort: field(integer(30_000, 32_767, "a NodePort"), "Port on every node."),
        protocol: field(oneOf("TCP"), "Gateways carry TCP only."),
      }),
    ),
    "Ports in place of the ones a gateway has by itself.",
  ),
};

type ServiceFields = ReadFields<typeof checkedServiceFields> & Readonly<Record<string, unknown>>;

const serviceSection: Reader<ServiceFields> = {
  schema: { ...object("", checkedServiceFields).schema, additionalProperties: true },
  read(node, path, problems) {
    if (node.kind !== "map") return freeMap().read(node, path, problems) === undefined ? undefined : {};
    const entries = [...node.entries];
    const checked = object("gateway services have", checkedServiceFields).read(
      { ...node, entries: new Map(entries.filter(([name]) => Object.hasOwn(checkedServiceFields, name))) },
      path,
      problems,
    );
    const passed = entries.filter(([name]) => !Object.hasOwn(checkedServiceFields, name));
    return {
      ...Object.fromEntries(passed.map(([name, { value }]) => [name, plainValue(value)])),
      ...checked,
    };
  },
};

const gatewayFields = object("gateways have", {
  name: field(
    text(dnsLabel("a gateway's name")),
    "Name of its Deployment and Service. Two gateways of one name are one Deployment that does both.",
    {
      examples: ["istio-ingressgateway"],
    },
  ),
  namespace: field(text(dnsLabel("a namespace")), "Namespace that it runs in.", { default: "istio-system" }),
  port: field(port(), "Port for traffic from other networks. East-west gateways only.", { default: 15443 }),
  service: field(serviceSection, "Fields of its Service, as in a Kubernetes ServiceSpec, and annotations.", {
    examples: [{ type: "NodePort" }],
  }),
});

/** Whether a gateway is there, and how it differs from the default one. */
export type GatewaySwitch = { readonly on: boolean } & Read<typeof gatewayFields>;

const gatewaySwitch: Reader<GatewaySwitch> = eitherOf<GatewaySwitch>({
  what: "true, false or a map",
  scalar: mapped(flag(), (on) => ({ on })),
  map: mapped(gatewayFields, (fields) => ({ ...fields, on: true })),
});

/** `gateways`: mesh-wide they are in every workload cluster; a cluster's own come over them. */
export const gatewaysSection = object("gateways have", {
  ingress: field(gatewaySwitch, "Gateway for traffic from outside.", { default: false, examples: [true] }),
  eastwest: field(
    gatewaySwitch,
    "Gateway for mesh traffic between networks. On by itself where the mesh has more than one network, and in a primary that serves a remote.",
    { examples: [{ name: "istio-ingressgateway", port: 443 }] },
  ),
  egress: field(gatewaySwitch, "Gateway for traffic that leaves the mesh.", { default: false }),
});
