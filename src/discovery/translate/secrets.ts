import { create } from "@bufbuild/protobuf";
import type { Secret as KubeSecret } from "../../kube/index.ts";
import {
  type Secret,
  SecretSchema,
} from "../../xds/gen/envoy/extensions/transport_sockets/tls/v3/secret_pb.js";
import type { ClientTls, TrafficPolicy } from "./config-types.ts";
import { authorityOf, credentialsOf } from "./gateway-tls.ts";
import type { MergedGateways } from "./gateways.ts";
import { optional } from "./proto.ts";
import type { ProxyNode } from "./proxy-node.ts";
import type { Scope } from "./scope.ts";
import { secretName } from "./upstream-tls.ts";
import type { World } from "./world.ts";

/**
 * The Secrets that a proxy's rules name, as far as they exist and lie in the proxy's own namespace: those of the
 * Gateways of a router, and those that DestinationRules show to other servers. Sidecars get the latter only from
 * rules that select their own workload.
 */
export function namedSecrets(
  world: World,
  scope: Scope,
  proxy: ProxyNode,
  merged: MergedGateways | undefined,
): Secret[] {
  const wanted = new Map([...serverSecrets(merged), ...clientSecrets(scope, proxy)]);
  return [...wanted].flatMap(([name, use]) => readSecret(world, proxy, name, use) ?? []);
}

/** What a Secret is named for: what to show, or what others must be signed by. */
type Use = "certificate" | "authority";

function serverSecrets(merged: MergedGateways | undefined): (readonly [string, Use])[] {
  return (merged?.ports ?? []).flatMap(({ servers }) =>
    servers.flatMap(({ server: { tls } }) => {
      if (tls === undefined) return [];
      const asks = tls.mode === "MUTUAL" || tls.mode === "OPTIONAL_MUTUAL";
      const authority = asks ? authorityOf(tls) : undefined;
      return [
        ...credentialsOf(tls).map((name) => [secretName(name), "certificate"] as const),
        ...(authority === undefined ? [] : [[authority, "authority"] as const]),
      ];
    }),
  );
}

function clientSecrets(scope: Scope, proxy: ProxyNode): (readonly [string, Use])[] {
  return scope.services.flatMap((service) => {
    const rule = scope.destinationRule(service);
    if (rule === undefined || (proxy.type === "sidecar" && rule.selector === undefined)) return [];
    return [rule.trafficPolicy, ...rule.subsets.map(({ trafficPolicy }) => trafficPolicy)]
      .flatMap(tlsSettings)
      .flatMap(({ mode, credentialName = "", insecureSkipVerify }) => {
        if (credentialName === "" || (mode !== "SIMPLE" && mode !== "MUTUAL")) return [];
        const name = secretName(credentialName);
        return [
          ...(mode === "MUTUAL" ? [[name, "certificate"] as const] : []),
          ...(insecureSkipVerify === true ? [] : [[`${name}${authoritySuffix}`, "authority"] as const]),
        ];
      });
  });
}

function tlsSettings(policy: TrafficPolicy | undefined): ClientTls[] {
  const levels = (policy?.portLevelSettings ?? []).map(({ tls }) => tls);
  return [policy?.tls, ...levels].filter((tls) => tls !== undefined);
}

const authoritySuffix = "-cacert";

/**
 * One secret by its resource name, "kubernetes://name" or "kubernetes://namespace/name". What others must be signed
 * by is looked for in the Secret of that name, and without "-cacert" at the end in the one with the certificate.
 */
function readSecret(world: World, proxy: ProxyNode, name: string, use: Use): Secret | undefined {
  const written = /^kubernetes:\/\/(?:([^/]+)\/)?([^/]+)$/.exec(name);
  if (written === null || (written[1] !== undefined && written[1] !== proxy.namespace)) return undefined;
  const own = written[2] ?? "";
  const find = (secret: string): KubeSecret | undefined => {
    const key = `${proxy.namespace}/${secret}`;
    const { clusters, primary } = world.objects;
    return clusters.get(proxy.clusterId)?.secrets.get(key) ?? clusters.get(primary)?.secrets.get(key);
  };
  const exact = find(own);
  if (use === "certificate") return exact === undefined ? undefined : keyPair(name, exact);
  const holder = own.endsWith(authoritySuffix) ? find(own.slice(0, -authoritySuffix.length)) : undefined;
  return trustRoot(name, exact ?? holder);
}

function trustRoot(name: string, secret: KubeSecret | undefined): Secret | undefined {
  const { cacert, crl, ...data } = secret?.data ?? {};
  const [root, revoked] = cacert ? [cacert, crl] : [data["ca.crt"], data["ca.crl"]];
  if (!root) return undefined;
  return create(SecretSchema, {
    name,
    type: {
      case: "validationContext",
      value: { trustedCa: inline(root), ...optional("crl", revoked ? inline(revoked) : undefined) },
    },
  });
}

function keyPair(name: string, secret: KubeSecret): Secret | undefined {
  const { cert, key, ...data } = secret.data ?? {};
  const isGeneric = Boolean(cert && key);
  const [chain, own] = isGeneric ? [cert, key] : [data["tls.crt"], data["tls.key"]];
  if (!chain || !own) return undefined;
  const staple = isGeneric ? undefined : data["tls.ocsp-staple"];
  return create(SecretSchema, {
    name,
    type: {
      case: "tlsCertificate",
      value: {
        certificateChain: inline(chain),
        privateKey: inline(own),
        ...optional("ocspStaple", staple ? inline(staple) : undefined),
      },
    },
  });
}

const inline = (base64: string) => ({
  specifier: { case: "inlineBytes" as const, value: new Uint8Array(Buffer.from(base64, "base64")) },
});
