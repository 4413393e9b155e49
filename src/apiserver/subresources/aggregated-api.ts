import { connect as tlsConnect } from "node:tls";
import { child, number, text } from "../draft.ts";
import type { Answer, Call } from "../http/call.ts";
import { serviceUnavailable } from "../status.ts";
import type { Context } from "../verbs/context.ts";
import { connected, forward, type ProxyParts } from "./http-proxy.ts";
import { resolveService } from "./resolve-service.ts";

/** The service that an APIService names for a group's version; undefined when this server serves it itself. */
export function aggregatedService(context: Context, group: string, version: string) {
  const object = context.store.resource("apiservices.apiregistration.k8s.io").get(`${version}.${group}`);
  const spec = child(object, "spec");
  const service = child(spec, "service");
  if (service === undefined) return undefined;
  return {
    namespace: text(service, "namespace") ?? "",
    name: text(service, "name") ?? "",
    port: number(service, "port") ?? 443,
    ca: text(spec, "caBundle"),
    insecure: spec?.["insecureSkipTLSVerify"] === true,
  };
}

/** Sends a call on to the API server that an APIService names, with the user's name in front-proxy headers. */
export async function forwardToAggregated(
  { context, dial }: ProxyParts,
  call: Call,
  service: NonNullable<ReturnType<typeof aggregatedService>>,
): Promise<Answer> {
  const { namespace, name, port, ca, insecure } = service;
  const endpoint = resolveService(context.store, namespace, name, port);
  if (typeof endpoint === "string") throw serviceUnavailable(endpoint);
  const servername = `${name}.${namespace}.svc`;
  const open = async () => {
    const socket = await connected(dial(endpoint.address, endpoint.port));
    return tlsConnect({
      socket,
      servername,
      rejectUnauthorized: !insecure,
      ...(ca === undefined ? {} : { ca: Buffer.from(ca, "base64").toString() }),
    });
  };
  const path = `${call.path}${call.query.size > 0 ? `?${call.query}` : ""}`;
  return forward(call, { secure: true, host: servername, open }, path, {
    "x-remote-user": call.user.name,
    "x-remote-group": [...call.user.groups],
  });
}
