import type { Gateway } from "../../discovery/index.ts";
import { matchesLabels } from "../../kube/index.ts";
import type { ClusterView, Find, Finding, GatewayCredential, MeshView } from "../contracts.ts";
import { findingAbout } from "../finding-about.ts";
import { absence } from "../left-out.ts";
import { named } from "../object-reference.ts";
import { type Scope, scopesOf } from "../scopes.ts";
import { listed } from "../text.ts";
import { isAlive } from "../view/pods.ts";

/** Secrets that Gateways name as their certificates: absent where the gateway's pods run, or of no use. */
export const checkGatewayCredentials: Find = (mesh) =>
  scopesOf(mesh).flatMap((scope) =>
    scope.config.gateways.flatMap((gateway) => checkOne(gateway, scope, mesh)),
  );

function checkOne(gateway: Gateway, scope: Scope, mesh: MeshView): Finding[] {
  const { config, served } = scope;
  const homes = served.flatMap((cluster) => {
    const pods = cluster.pods.filter(
      (pod) => isAlive(pod) && matchesLabels(gateway.spec.selector ?? {}, pod.metadata.labels),
    );
    return [...new Set(pods.map(({ metadata }) => metadata.namespace ?? "default"))].map((namespace) => ({
      cluster,
      namespace,
    }));
  });
  return (gateway.spec.servers ?? []).flatMap(({ tls, port, hosts = [] }, i) => {
    const { credentialName = "", credentialNames = [] } = tls ?? {};
    const names = [
      ...(credentialName === "" ? [] : [{ name: credentialName, field: "credentialName" }]),
      ...credentialNames.map((name, k) => ({ name, field: `credentialNames[${k}]` })),
    ];
    return names.flatMap(({ name, field }) =>
      homes.flatMap(({ cluster, namespace }): Finding[] => {
        const secret = find(name, namespace, cluster) ?? find(name, namespace, config);
        const trouble = secret === undefined ? "not found" : troubleOf(secret, mesh.now);
        if (trouble === undefined)
          return hostFindings(
            gateway,
            `spec.servers[${i}].tls.${field}`,
            { name, namespace, cluster },
            secret,
            {
              hosts,
              port: port?.number,
              config,
            },
          );
        const { severity, note } = absence(secret === undefined ? [config, cluster] : [], undefined);
        return [
          findingAbout(config, gateway, `spec.servers[${i}].tls.${field}`, {
            code: secret === undefined ? "gateway/unknown-credential" : "gateway/invalid-credential",
            severity,
            effect: `handshakes on port ${port?.number} for ${listed(hosts)} fail at the gateway in ${cluster.name}`,
            cause: `${named(gateway)} of ${config.name}: secret ${name} ${secret === undefined ? `not found in ${namespace} of ${cluster.name}` : `in ${namespace} of ${cluster.name} can't be used: ${trouble}`}${note}`,
            seen: name,
            fix: `kubectl --context ${cluster.name} -n ${namespace} create secret tls ${name} --cert=FILE --key=FILE`,
          }),
        ];
      }),
    );
  });
}

/** Hosts that the certificate is not for: clients that check names, as all browsers do, refuse it there. */
function hostFindings(
  gateway: Gateway,
  field: string,
  {
    name,
    namespace,
    cluster,
  }: { readonly name: string; readonly namespace: string; readonly cluster: ClusterView },
  secret: GatewayCredential | undefined,
  server: {
    readonly hosts: readonly string[];
    readonly port: number | undefined;
    readonly config: ClusterView;
  },
): Finding[] {
  const { dnsNames = [] } = secret ?? {};
  // A certificate without names, such as one for addresses, is for whoever knows it.
  if (dnsNames.length === 0) return [];
  const foreign = server.hosts
    .map((host) => host.slice(host.indexOf("/") + 1))
    .filter((host) => host !== "*" && !dnsNames.some((one) => isFor(one, host)));
  if (foreign.length === 0) return [];
  return [
    findingAbout(server.config, gateway, field, {
      code: "gateway/certificate-for-other-host",
      severity: "warning",
      effect: `clients that check names refuse port ${server.port} for ${listed(foreign)} at the gateway in ${cluster.name}`,
      cause: `${named(gateway)} of ${server.config.name}: the certificate in secret ${name} in ${namespace} of ${cluster.name} is for ${listed(dnsNames)}, not for ${listed(foreign)}`,
      seen: name,
      fix: `kubectl --context ${cluster.name} -n ${namespace} create secret tls ${name} --cert=FILE --key=FILE`,
    }),
  ];
}

/** Whether a certificate's name is for a host; "*.example.com" is for one more label (RFC 6125). */
function isFor(name: string, host: string): boolean {
  const [wanted, given] = [host.toLowerCase(), name.toLowerCase()];
  return given === wanted || (given.startsWith("*.") && wanted.slice(wanted.indexOf(".")) === given.slice(1));
}

/** "name" or "kubernetes://name"; Secrets are looked for where the gateway's pods run. */
function find(
  written: string,
  home: string,
  { gatewayCredentials }: ClusterView,
): GatewayCredential | undefined {
  const [, owner = home, name] = /^(?:kubernetes:\/\/)?(?:([^/]+)\/)?([^/]+)$/.exec(written) ?? [];
  return gatewayCredentials.find((one) => one.name === name && one.namespace === owner);
}

function troubleOf(
  { trouble, notAfter = Number.POSITIVE_INFINITY }: GatewayCredential,
  now: number,
): string | undefined {
  return (
    trouble ?? (notAfter < now ? `its certificate ended on ${new Date(notAfter).toISOString()}` : undefined)
  );
}
