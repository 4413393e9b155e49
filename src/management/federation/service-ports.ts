import type { Service } from "../../kube/index.ts";

/** A port of a ServiceEntry. Without a protocol the proxies look at the first bytes. */
export interface ExportedPort {
  readonly number: number;
  readonly name: string;
  readonly protocol?: string;
}

/** Protocols by which Istio reads a port's appProtocol or the first part of its name. */
const protocols: ReadonlyMap<string, string> = new Map([
  ["http", "HTTP"],
  ["http2", "HTTP2"],
  ["https", "HTTPS"],
  ["grpc", "GRPC"],
  ["grpc-web", "GRPC-Web"],
  ["kubernetes.io/h2c", "HTTP2"],
  ["kubernetes.io/ws", "HTTP"],
  ["mongo", "MONGO"],
  ["mysql", "MYSQL"],
  ["redis", "REDIS"],
  ["tcp", "TCP"],
  ["tls", "TLS"],
]);

/** The TCP ports of a Service as a ServiceEntry has them. */
export function exportedPorts({ spec }: Service): readonly ExportedPort[] {
  return (spec.ports ?? [])
    .filter(({ protocol = "TCP" }) => protocol === "TCP")
    .map(({ port, name, appProtocol }) => {
      const protocol = protocolOf(name, appProtocol);
      return { number: port, name: name ?? `port-${port}`, ...(protocol === undefined ? {} : { protocol }) };
    });
}

function protocolOf(name = "", appProtocol?: string): string | undefined {
  const known = protocols.get(appProtocol?.toLowerCase() ?? "");
  if (known !== undefined) return known;
  const [first = ""] = name.startsWith("grpc-web") ? ["grpc-web"] : name.split("-");
  return protocols.get(first);
}
