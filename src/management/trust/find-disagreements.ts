import { type KubeClient, kinds } from "../../kube/index.ts";
import { certificatesOf, isSignedBy, splitPem } from "../../pki/index.ts";

/** A cluster, with the CA that its control plane shall sign with and believe. */
export interface TrustingCluster {
  readonly name: string;
  readonly client: KubeClient;
  /** PEM of all roots that shall be believed in it, and no others. */
  readonly roots: string;
  /** PEM of the certificate that workloads' certificates shall be signed by. */
  readonly intermediate: string;
}

/** What one proxy holds at the moment; undefined texts: it did not say. */
export interface ProxyTrust {
  readonly cluster: string;
  /** "pod.namespace" */
  readonly name: string;
  /** PEM of the roots that it believes. */
  readonly roots: string | undefined;
  /** PEM of its own certificate and those above it. */
  readonly chain: string | undefined;
}

/** The ConfigMap that proxies take their roots from, and its key. */
const rootConfigMap = "istio-ca-root-cert";
const rootKey = "root-cert.pem";
/** On all webhook configurations of istiods. */
const revisionLabel = "istio.io/rev";

/**
 * Who does not hold what the clusters' CAs say, in words; empty when all do: the ConfigMaps with the roots, the
 * webhooks of control planes, and every proxy's roots and certificate. `retired`: fingerprints of roots that nobody
 * may believe any more.
 */
export async function findDisagreements(
  clusters: readonly TrustingCluster[],
  proxies: readonly ProxyTrust[],
  retired: ReadonlySet<string>,
): Promise<readonly string[]> {
  const ofClusters = await Promise.all(
    clusters.map(async (cluster) => {
      const bundles = [...(await configMapBundles(cluster)), ...(await webhookBundles(cluster))];
      return bundles.flatMap(({ holder, bundle }) => {
        const problem = rootProblem(bundle, cluster.roots, retired);
        return problem === undefined ? [] : [`${cluster.name}: ${holder} ${problem}`];
      });
    }),
  );
  const ofProxies = proxies.flatMap((proxy) => {
    const cluster = clusters.find(({ name }) => name === proxy.cluster);
    const problem = cluster === undefined ? undefined : proxyProblem(proxy, cluster, retired);
    return problem === undefined ? [] : [`${proxy.cluster}: ${proxy.name} ${problem}`];
  });
  return [...ofClusters.flat(), ...ofProxies];
}

interface Bundle {
  readonly holder: string;
  readonly bundle: string;
}

async function configMapBundles({ client }: TrustingCluster): Promise<readonly Bundle[]> {
  const { items } = await client.list(kinds.configMaps, { fieldSelector: `metadata.name=${rootConfigMap}` });
  return items.map(({ metadata, data }) => ({
    holder: `ConfigMap ${metadata.namespace}/${rootConfigMap}`,
    bundle: data?.[rootKey] ?? "",
  }));
}

/** Of the webhooks that istiods answer. */
async function webhookBundles({ client }: TrustingCluster): Promise<readonly Bundle[]> {
  const lists = await Promise.all([
    client.list(kinds.mutatingWebhooks, { labelSelector: revisionLabel }),
    client.list(kinds.validatingWebhooks, { labelSelector: revisionLabel }),
  ]);
  return lists.flatMap(({ items }) =>
    items.flatMap(({ metadata, webhooks = [] }) =>
      webhooks.map(({ name, clientConfig: { caBundle = "" } }) => ({
        holder: `webhook ${name} of ${metadata.name}`,
        bundle: Buffer.from(caBundle, "base64").toString("utf8"),
      })),
    ),
  );
}

function rootProblem(bundle: string, wanted: string, retired: ReadonlySet<string>): string | undefined {
  const held = certificatesOf(bundle);
  if ([...certificatesOf(wanted).keys()].some((root) => !held.has(root))) return "lacks a root";
  if ([...held.keys()].some((root) => retired.has(root))) return "still believes a root that gives way";
  return undefined;
}

function proxyProblem(
  { roots, chain }: ProxyTrust,
  cluster: TrustingCluster,
  retired: ReadonlySet<string>,
): string | undefined {
  if (roots === undefined || chain === undefined) return "does not say what it holds";
  const [leaf] = splitPem(chain);
  if (leaf === undefined) return "has no certificate";
  if (!isSignedBy(leaf, cluster.intermediate)) return "has a certificate of the intermediate before";
  return rootProblem(roots, cluster.roots, retired);
}
