import { create } from "@bufbuild/protobuf";
import type { Secret as KubeSecret } from "../../kube/index.ts";
import {
  type Secret,
  SecretSchema,
} from "../../xds/gen/envoy/extensions/transport_sockets/tls/v3/secret_pb.js";
import type { MergedGateways } from "./gateways.ts";
import type { ProxyNode } from "./proxy-node.ts";
import { secretName } from "./upstream-tls.ts";
import type { World } from "./world.ts";

/** The Secrets that a router's Gateways name, as far as they exist and lie in the router's own namespace. */
export function gatewaySecrets(world: World, proxy: ProxyNode, merged: MergedGateways): Secret[] {
  const names = new Set<string>();
  for (const { servers } of merged.ports) {
    for (const { server } of servers) {
      const { credentialNames = [], credentialName, mode } = server.tls ?? {};
      for (const written of [
        ...credentialNames,
        ...(credentialName === undefined || credentialName === "" ? [] : [credentialName]),
      ]) {
        names.add(secretName(written));
        if (mode === "MUTUAL" || mode === "OPTIONAL_MUTUAL") names.add(`${secretName(written)}-cacert`);
      }
    }
  }
  return [...names].flatMap((name) => secretByName(world, proxy, name) ?? []);
}

const certificateAuthority = "-cacert";

/** One secret by its resource name, "kubernetes://name" or "kubernetes://namespace/name". */
export function secretByName(world: World, proxy: ProxyNode, name: string): Secret | undefined {
  const written = /^kubernetes:\/\/(?:([^/]+)\/)?([^/]+)$/.exec(name);
  if (written === null || (written[1] !== undefined && written[1] !== proxy.namespace)) return undefined;
  const own = written[2] ?? "";
  const find = (secret: string): KubeSecret | undefined => {
    const key = `${proxy.namespace}/${secret}`;
    const { clusters, primary } = world.objects;
    return clusters.get(proxy.clusterId)?.secrets.get(key) ?? clusters.get(primary)?.secrets.get(key);
  };
  const exact = find(own);
  if (!own.endsWith(certificateAuthority)) return exact === undefined ? undefined : keyPair(name, exact);
  const holder = exact ?? find(own.slice(0, -certificateAuthority.length));
  const root = holder?.data?.["ca.crt"] ?? holder?.data?.["cacert"];
  if (root === undefined) return undefined;
  return create(SecretSchema, {
    name,
    type: {
      case: "validationContext",
      value: { trustedCa: { specifier: { case: "inlineBytes", value: bytes(root) } } },
    },
  });
}

function keyPair(name: string, { data = {} }: KubeSecret): Secret | undefined {
  const chain = data["tls.crt"] ?? data["cert"];
  const key = data["tls.key"] ?? data["key"];
  if (chain === undefined || key === undefined) return undefined;
  return create(SecretSchema, {
    name,
    type: {
      case: "tlsCertificate",
      value: {
        certificateChain: { specifier: { case: "inlineBytes", value: bytes(chain) } },
        privateKey: { specifier: { case: "inlineBytes", value: bytes(key) } },
      },
    },
  });
}

const bytes = (base64: string) => new Uint8Array(Buffer.from(base64, "base64"));
