/** Application protocol of a Service's port; "" means nobody said, so it is detected at run time. */
export type Protocol =
  | "http"
  | "http2"
  | "grpc"
  | "grpc-web"
  | "http-proxy"
  | "https"
  | "tls"
  | "tcp"
  | "udp"
  | "mongo"
  | "redis"
  | "mysql"
  | "";

const names: Readonly<Record<string, Protocol>> = {
  http: "http",
  http2: "http2",
  grpc: "grpc",
  "grpc-web": "grpc-web",
  http_proxy: "http-proxy",
  "http-proxy": "http-proxy",
  https: "https",
  tls: "tls",
  tcp: "tcp",
  udp: "udp",
  mongo: "mongo",
  redis: "redis",
  mysql: "mysql",
};

/** The protocol that a Gateway's or ServiceEntry's port names, in any case of letters. */
export function parseProtocol(text: string | undefined): Protocol {
  return names[(text ?? "").toLowerCase()] ?? "";
}

/** Ports whose servers speak first, so that detection would wait in vain. */
const wellKnownTcp: ReadonlySet<number> = new Set([25, 53, 3306, 27017]);

/**
 * The protocol of a Kubernetes Service's port: appProtocol first, then the port's name up to its first dash
 * ("http-web", "grpc-web-ui"), then well-known numbers.
 */
export function servicePortProtocol(port: {
  readonly name?: string;
  readonly port: number;
  readonly protocol?: string;
  readonly appProtocol?: string;
}): Protocol {
  if (port.protocol === "UDP") return "udp";
  if (port.appProtocol !== undefined) {
    const known: Readonly<Record<string, Protocol>> = {
      "kubernetes.io/h2c": "http2",
      "kubernetes.io/ws": "http",
      "kubernetes.io/wss": "https",
    };
    return known[port.appProtocol] ?? parseProtocol(port.appProtocol);
  }
  const name = (port.name ?? "").toLowerCase();
  if (name.startsWith("grpc-web")) return "grpc-web";
  const protocol = parseProtocol(name.split("-", 1)[0]);
  if (protocol !== "") return protocol;
  return wellKnownTcp.has(port.port) ? "tcp" : "";
}
