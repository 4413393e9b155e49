import {
  addResources,
  compareQuantities,
  formatResourceList,
  isVirtualNode,
  type Node,
  parseQuantity,
  type ResourceList,
  resourceList,
} from "../../kube/index.ts";

type Amounts = Readonly<Record<string, string | number>>;

/** What a provider gives of what was asked for. */
export interface Grant {
  /** Everything that its virtual node can offer to pods. */
  readonly resources: Readonly<Record<string, string>>;
  /** What was asked for and is more than there is, in words: "cpu: 40 asked for, 32 offered". */
  readonly shortfalls: readonly string[];
}

/** The nodes of a cluster that run pods themselves, and can now. */
export function workingNodes(nodes: readonly Node[]): readonly Node[] {
  return nodes.filter(
    (node) =>
      !isVirtualNode(node) &&
      node.spec?.unschedulable !== true &&
      node.status?.conditions?.find(({ type }) => type === "Ready")?.status === "True",
  );
}

/** What all of the nodes together can give to pods. */
export function offeredResources(nodes: readonly Node[]): ResourceList {
  return nodes.reduce<ResourceList>(
    (sum, { status }) => addResources(sum, resourceList(status?.allocatable ?? status?.capacity)),
    new Map(),
  );
}

/**
 * Grants each resource that was asked for, at most what is offered; the least counts when several ask. Resources
 * that nobody names are granted as they are offered: a quota is a limit only on what it names.
 */
export function grantResources(asked: readonly (Amounts | undefined)[], offered: ResourceList): Grant {
  const resources: Record<string, string> = { ...formatResourceList(offered) };
  const shortfalls = new Map<string, string>();
  for (const amounts of asked) {
    for (const [name, amount] of Object.entries(amounts ?? {})) {
      const wanted = parseQuantity(amount);
      if (wanted === undefined) continue;
      const there = offered.get(name);
      const granted = parseQuantity(resources[name] ?? "0");
      if (there === undefined || compareQuantities(wanted, there) > 0)
        shortfalls.set(
          name,
          `${name}: ${amount} asked for, ${formatResourceList(offered)[name] ?? 0} offered`,
        );
      if (granted === undefined || compareQuantities(wanted, granted) < 0) resources[name] = String(amount);
      else resources[name] ??= "0";
    }
  }
  return { resources, shortfalls: [...shortfalls.values()].sort() };
}
