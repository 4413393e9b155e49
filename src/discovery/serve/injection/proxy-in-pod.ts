import type { Container, Pod } from "../../../kube/index.ts";
import { proxyContainerName } from "./template.ts";

/** The pod with variables of the proxy's container set, in place of those of the same names. */
export function withProxyEnvironment(pod: Pod, variables: ReadonlyMap<string, string>): Pod {
  const withVariables = (container: Container): Container => {
    if (container.name !== proxyContainerName) return container;
    const present = new Set(container.env?.map(({ name }) => name));
    const changed = (container.env ?? []).map((variable) => {
      const value = variables.get(variable.name);
      return value === undefined ? variable : { name: variable.name, value };
    });
    const added = [...variables].filter(([name]) => !present.has(name));
    return { ...container, env: [...changed, ...added.map(([name, value]) => ({ name, value }))] };
  };
  const { containers, initContainers } = pod.spec;
  return {
    ...pod,
    spec: {
      ...pod.spec,
      containers: containers.map(withVariables),
      ...(initContainers === undefined ? {} : { initContainers: initContainers.map(withVariables) }),
    },
  };
}
