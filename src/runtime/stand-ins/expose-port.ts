import type { ContainerContext } from "../contracts.ts";

/** Leads connections to the pod's `port` to the program, which the node does by itself only for ports of the manifest. */
export async function exposePort(
  { container, network }: Pick<ContainerContext, "container" | "network">,
  port: number,
): Promise<void> {
  const isDeclared = container.ports?.some(({ containerPort }) => containerPort === port);
  if (isDeclared !== true) await network.exposeAppPort(port);
}
