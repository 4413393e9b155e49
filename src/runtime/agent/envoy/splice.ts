import { connect, type Socket } from "node:net";
import type { Destination } from "../../contracts.ts";
import { joinSockets } from "../../network/sockets.ts";
import { proxyHeader } from "./proxy-header.ts";

/** Leads a connection to a listener of Envoy's on a unix socket, saying where it comes from and was going to. */
export function spliceInto(
  listener: string,
  socket: Socket,
  source: Destination,
  destination: Destination,
): void {
  const envoy = connect({ path: listener });
  envoy.write(proxyHeader(source, destination));
  joinSockets(socket, envoy);
}
