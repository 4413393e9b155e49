import { isIP } from "node:net";
import { IsthmusError } from "../../base/index.ts";
import { type KubeClient, kinds } from "../../kube/index.ts";
import type { RealCluster } from "./real-cluster.ts";

/** How other clusters reach an API. */
export interface ApiAddress {
  readonly server: string;
  readonly apiCa: string;
}

/**
 * The address at which other clusters reach this one's API. What the mesh file says counts as it is; else the kubeconfig's.
 * A loopback address of that is refused (cluster/loopback-address), since it means another machine to whoever reads it
 * elsewhere, unless the API server itself says that it is there: then all of the clusters are on this machine.
 */
export async function apiAddress(
  { name, client, server, ca }: RealCluster,
  written: string | undefined,
): Promise<ApiAddress> {
  const apiCa = ca ?? (await rootOf(client)) ?? "";
  if (written !== undefined) return { server: written, apiCa };
  const url = new URL(server);
  if (!isLoopback(url.hostname)) return { server, apiCa };
  const own = await ownAddresses(client);
  if (own.some((address) => address === hostOf(url))) return { server, apiCa };
  const [elsewhere] = own.filter((address) => !isLoopback(address.replace(/:\d+$/, "")));
  throw new IsthmusError(
    "cluster/loopback-address",
    `${name}: other clusters are to read its API at ${server}, which is this machine only`,
    {
      nextStep: `Say how they reach it: server: https://${elsewhere ?? "HOST:6443"} under clusters.${name} in the mesh file${elsewhere === undefined ? "" : " (where the API server says that it is)"}.`,
    },
  );
}

function isLoopback(hostname: string): boolean {
  const host = hostname.replace(/^\[|\]$/g, "");
  if (host === "localhost" || host.endsWith(".localhost")) return true;
  return isIP(host) === 4 ? host.startsWith("127.") : host === "::1";
}

function hostOf(url: URL): string {
  return `${url.hostname}:${url.port === "" ? "443" : url.port}`;
}

/** Where the API servers of a cluster are, as the endpoints of its Service `kubernetes` say: "10.0.0.1:6443". */
async function ownAddresses(client: KubeClient): Promise<readonly string[]> {
  const { items } = await client.list(kinds.endpointSlices, {
    namespace: "default",
    labelSelector: "kubernetes.io/service-name=kubernetes",
  });
  return items.flatMap(({ endpoints = [], ports = [] }) =>
    (endpoints ?? []).flatMap(({ addresses }) =>
      addresses.flatMap((address) => (ports ?? []).map(({ port }) => `${address}:${port ?? 443}`)),
    ),
  );
}

/** The CA that a cluster tells its pods of. */
async function rootOf(client: KubeClient): Promise<string | undefined> {
  const found = await client.get(kinds.configMaps, "kube-root-ca.crt", "default");
  return found?.data?.["ca.crt"];
}
