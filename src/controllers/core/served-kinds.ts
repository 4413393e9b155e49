import { ApiError, type Kind, type KubeClient, type Status } from "../../kube/index.ts";

/** A kind as discovery lists it. */
export interface ServedKind extends Kind {
  readonly verbs: readonly string[];
}

/** The part of Kubernetes' APIGroupDiscoveryList (apidiscovery.k8s.io/v2) that is read here. */
interface DiscoveryList {
  readonly items?: readonly {
    readonly metadata?: { readonly name?: string };
    readonly versions?: readonly {
      readonly version: string;
      readonly resources?: readonly {
        readonly resource: string;
        readonly scope: "Namespaced" | "Cluster";
        readonly verbs?: readonly string[];
        readonly responseKind?: { readonly kind?: string };
      }[];
    }[];
  }[];
}

const accept = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList";

/** Every kind that the API server serves and that can be listed and deleted, each in its preferred version. */
export async function readServedKinds(client: KubeClient): Promise<readonly ServedKind[]> {
  const [core, groups] = await Promise.all([discover(client, "/api"), discover(client, "/apis")]);
  const found = new Map<string, ServedKind>();
  for (const { metadata, versions = [] } of [...(core.items ?? []), ...(groups.items ?? [])]) {
    const group = metadata?.name ?? "";
    // Versions come in the order of preference.
    for (const { version, resources = [] } of versions) {
      for (const { resource: plural, scope, verbs = [], responseKind } of resources) {
        const id = `${group}/${plural}`;
        if (found.has(id) || !verbs.includes("list") || !verbs.includes("delete")) continue;
        const namespaced = scope === "Namespaced";
        found.set(id, { group, version, kind: responseKind?.kind ?? "", plural, namespaced, verbs });
      }
    }
  }
  return [...found.values()];
}

async function discover(client: KubeClient, path: string): Promise<DiscoveryList> {
  const query = new URLSearchParams();
  const { status, body } = await client.transport.send({ method: "GET", path, query, headers: { accept } });
  if (status < 400) return body as DiscoveryList;
  const message = `discovery of ${path} was answered with ${status}`;
  throw new ApiError(
    (body as Status | undefined) ?? {
      kind: "Status",
      apiVersion: "v1",
      metadata: {},
      status: "Failure",
      code: status,
      message,
    },
  );
}
