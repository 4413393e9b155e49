import { isIPv4, isIPv6 } from "node:net";
import type { Cluster } from "../../xds/gen/envoy/config/cluster/v3/cluster_pb.js";
import type { TransportSocket } from "../../xds/gen/envoy/config/core/v3/base_pb.js";
import { ProxyProtocolConfig_Version } from "../../xds/gen/envoy/config/core/v3/proxy_protocol_pb.js";
import { ProxyProtocolUpstreamTransportSchema } from "../../xds/gen/envoy/extensions/transport_sockets/proxy_protocol/v3/upstream_proxy_protocol_pb.js";
import { ConfigError } from "../config/config-error.ts";
import { unpack } from "../config/wire.ts";
import type { Destination } from "../contracts.ts";

/** Version of the PROXY header that a cluster's connections begin with. */
export type ProxyHeaderVersion = 1 | 2;

/**
 * A cluster's transport sockets without the wrapper that begins connections with a PROXY header, and the version of
 * that header. Throws ConfigError when the sockets don't agree on it.
 */
export function unwrapProxyProtocol(message: Cluster): {
  readonly version: ProxyHeaderVersion | undefined;
  unwrap(socket: TransportSocket | undefined): TransportSocket | undefined;
} {
  const sockets = [
    message.transportSocket,
    ...message.transportSocketMatches.map(({ transportSocket }) => transportSocket),
  ].filter((socket) => socket !== undefined);
  const versions = new Set(sockets.map((socket) => read(socket, message.name)?.version));
  if (versions.size > 1)
    throw new ConfigError(`${message.name}: PROXY headers for some of its endpoints only are not supported`);
  const [version] = versions;
  return {
    version,
    unwrap: (socket) =>
      socket === undefined || version === undefined ? socket : read(socket, message.name)?.inner,
  };
}

function read(socket: TransportSocket, where: string) {
  const config = socket.configType.value;
  if (config?.typeUrl.endsWith(".ProxyProtocolUpstreamTransport") !== true) return undefined;
  const { config: header, transportSocket } = unpack(config, ProxyProtocolUpstreamTransportSchema, where);
  const version: ProxyHeaderVersion = header?.version === ProxyProtocolConfig_Version.V2 ? 2 : 1;
  return { version, inner: transportSocket };
}

const signature = Buffer.from("\r\n\r\n\0\r\nQUIT\n", "latin1");

/** A PROXY header (haproxy's proxy-protocol.txt) for a TCP connection; without addresses when their families differ. */
export function proxyHeader(
  version: ProxyHeaderVersion,
  source: Destination,
  destination: Destination,
): Buffer {
  const family = [source, destination].every(({ address }) => isIPv4(address))
    ? 4
    : [source, destination].every(({ address }) => isIPv6(address))
      ? 6
      : undefined;
  if (version === 1) {
    if (family === undefined) return Buffer.from("PROXY UNKNOWN\r\n", "latin1");
    const { address: from, port: fromPort } = source;
    const { address: to, port: toPort } = destination;
    return Buffer.from(`PROXY TCP${family} ${from} ${to} ${fromPort} ${toPort}\r\n`, "latin1");
  }
  // 0x20: LOCAL, a connection of the proxy's own; 0x21: PROXY.
  if (family === undefined) return Buffer.concat([signature, Buffer.from([0x20, 0, 0, 0])]);
  const ports = Buffer.alloc(4);
  ports.writeUInt16BE(source.port, 0);
  ports.writeUInt16BE(destination.port, 2);
  const addresses = [source, destination].map(({ address }) =>
    family === 4 ? Buffer.from(address.split(".").map(Number)) : ipv6(address),
  );
  const body = Buffer.concat([...addresses, ports]);
  return Buffer.concat([signature, Buffer.from([0x21, family === 4 ? 0x11 : 0x21, 0, body.length]), body]);
}

/** The 16 bytes of an IPv6 address, which may end in an IPv4 one. */
function ipv6(address: string): Buffer {
  const [head = "", tail] = (address.split("%")[0] ?? "").split("::");
  const groups = (text: string) =>
    text
      .split(":")
      .filter((group) => group !== "")
      .flatMap((group) => {
        if (!group.includes(".")) return [Number.parseInt(group, 16)];
        const [a = 0, b = 0, c = 0, d = 0] = group.split(".").map(Number);
        return [(a << 8) | b, (c << 8) | d];
      });
  const [left, right] = [groups(head), groups(tail ?? "")];
  const all = [...left, ...new Array<number>(8 - left.length - right.length).fill(0), ...right];
  const bytes = Buffer.alloc(16);
  for (const [i, group] of all.entries()) bytes.writeUInt16BE(group, i * 2);
  return bytes;
}
