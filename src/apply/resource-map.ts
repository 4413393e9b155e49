import { groupVersion, type Kind, type KubeClient } from "../kube/index.ts";

interface ResourceList {
  readonly resources?: readonly {
    readonly name: string;
    readonly kind: string;
    readonly namespaced: boolean;
    readonly verbs?: readonly string[];
  }[];
}

interface GroupList {
  readonly groups?: readonly { readonly preferredVersion: { readonly groupVersion: string } }[];
}

/** Finds under which resource a cluster serves a kind, by API discovery; answers are kept until `forget`. */
export interface ResourceMap {
  /** Undefined when the cluster does not serve the kind (now). */
  find(apiVersion: string, kind: string): Promise<Kind | undefined>;
  /** Every namespaced kind whose objects can be listed and deleted, each in one version. */
  namespacedKinds(): Promise<readonly Kind[]>;
  /** Every kind whose objects can be listed and deleted, each in one version. */
  listableKinds(): Promise<readonly Kind[]>;
  /** Drops what is known, after the served kinds changed. */
  forget(): void;
}

export function createResourceMap(client: KubeClient): ResourceMap {
  const lists = new Map<string, Promise<ResourceList>>();
  const load = async <T extends object>(path: string): Promise<T | Record<string, never>> => {
    const headers = { accept: "application/json" };
    const { status, body } = await client.transport.send({
      method: "GET",
      path,
      query: new URLSearchParams(),
      headers,
    });
    return status === 200 ? (body as T) : {};
  };
  const listOf = (group: string, version: string): Promise<ResourceList> => {
    const path = pathOf(group, version);
    const list = lists.get(path) ?? load<ResourceList>(path);
    lists.set(path, list);
    return list;
  };
  const listableKinds = async (): Promise<readonly Kind[]> => {
    const { groups = [] } = await load<GroupList>("/apis");
    const versions = ["v1", ...groups.map(({ preferredVersion }) => preferredVersion.groupVersion)];
    const all = await Promise.all(
      versions.map(async (apiVersion) => {
        const { group, version } = groupVersion(apiVersion);
        const { resources = [] } = await listOf(group, version);
        return resources
          .filter(
            ({ name, verbs = [] }) =>
              !name.includes("/") && verbs.includes("list") && verbs.includes("delete"),
          )
          .map(({ kind, name, namespaced }): Kind => ({ group, version, kind, plural: name, namespaced }));
      }),
    );
    return all.flat();
  };
  return {
    async find(apiVersion, kind) {
      const { group, version } = groupVersion(apiVersion);
      const { resources } = await listOf(group, version);
      const resource = resources?.find((one) => one.kind === kind && !one.name.includes("/"));
      if (resource === undefined) {
        lists.delete(pathOf(group, version));
        return undefined;
      }
      return { group, version, kind, plural: resource.name, namespaced: resource.namespaced };
    },
    async namespacedKinds() {
      return (await listableKinds()).filter(({ namespaced }) => namespaced);
    },
    listableKinds,
    forget: () => lists.clear(),
  };
}

function pathOf(group: string, version: string): string {
  return group === "" ? `/api/${version}` : `/apis/${group}/${version}`;
}
