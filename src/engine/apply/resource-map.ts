import { groupVersion, type Kind, type KubeClient } from "../../kube/index.ts";

interface ResourceList {
  readonly resources?: readonly {
    readonly name: string;
    readonly kind: string;
    readonly namespaced: boolean;
  }[];
}

/** Finds under which resource a cluster serves a kind, by API discovery; answers are kept until `forget`. */
export interface ResourceMap {
  /** Undefined when the cluster does not serve the kind (now). */
  find(apiVersion: string, kind: string): Promise<Kind | undefined>;
  /** Drops what is known, after the served kinds changed. */
  forget(): void;
}

export function createResourceMap(client: KubeClient): ResourceMap {
  const lists = new Map<string, Promise<ResourceList>>();
  const load = async (path: string): Promise<ResourceList> => {
    const headers = { accept: "application/json" };
    const { status, body } = await client.transport.send({
      method: "GET",
      path,
      query: new URLSearchParams(),
      headers,
    });
    return status === 200 ? (body as ResourceList) : {};
  };
  return {
    async find(apiVersion, kind) {
      const { group, version } = groupVersion(apiVersion);
      const path = group === "" ? `/api/${version}` : `/apis/${group}/${version}`;
      const list = lists.get(path) ?? load(path);
      lists.set(path, list);
      const resource = (await list).resources?.find((one) => one.kind === kind && !one.name.includes("/"));
      if (resource === undefined) {
        lists.delete(path);
        return undefined;
      }
      return { group, version, kind, plural: resource.name, namespaced: resource.namespaced };
    },
    forget: () => lists.clear(),
  };
}
