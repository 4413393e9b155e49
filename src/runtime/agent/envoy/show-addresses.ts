import type { Destination } from "../../contracts.ts";

/**
 * Writes the addresses that discovery sent into what Envoy's admin interface says, in place of the unix sockets of
 * `folder` that stand for them: so listeners and endpoints look as they do anywhere. `addressOf` knows what a socket
 * stands for; sockets that it does not know stay.
 */
export function showAddresses(
  body: string,
  folder: string,
  addressOf: (path: string) => Destination | undefined,
): string {
  if (!body.includes(folder)) return body;
  const socket = folder.replaceAll(/[.*+?^${}()|[\]\\]/g, "\\$&");
  const asJson = new RegExp(`"pipe":\\s*\\{\\s*"path":\\s*"(${socket}/[^"]+)"\\s*\\}`, "g");
  const asText = new RegExp(`${socket}/[\\w.:-]*?(?=::|[^\\w.:-]|$)`, "g");
  return body
    .replace(asJson, (whole, path: string) => {
      const to = addressOf(path);
      if (to === undefined) return whole;
      return `"socket_address": {"address": ${JSON.stringify(to.address)}, "port_value": ${to.port}}`;
    })
    .replace(asText, (path) => {
      const to = addressOf(path);
      return to === undefined ? path : `${to.address}:${to.port}`;
    });
}
