import { setMaxListeners } from "node:events";
import type { Socket } from "node:net";
import { type Clock, createMetrics, type Logger, type Signal, version } from "../../base/index.ts";
import type { ApiTransport } from "../../kube/index.ts";
import type { Listen, ManagementProcess } from "../process/contracts.ts";
import { countRequests } from "../process/count-requests.ts";
import { startOperations } from "../process/start-operations.ts";
import { startAgent } from "./start-agent.ts";

export interface AgentProcessOptions {
  /** A file of the relay credential as it is now, empty when there is none: "server" (HOST:PORT), "ca.crt" or "token". */
  credential(name: "server" | "ca.crt" | "token"): Promise<string>;
  /** Opens a connection as the agent's pod does. */
  dial(host: string, port: number): Promise<Socket>;
  /** The API of the agent's own cluster, as the agent's account: it limits what the manager can do. */
  readonly api: ApiTransport;
  readonly listen: Listen;
  readonly clock: Clock;
  readonly log: Logger;
}

/** Runs the agent of a cluster. It is ready while it is connected to a manager. */
export async function runAgent(
  options: AgentProcessOptions,
): Promise<ManagementProcess & { readonly changes: Signal }> {
  const { credential, dial, clock, log } = options;
  const metrics = createMetrics();
  const api = countRequests(options.api, metrics);
  const stopped = new AbortController();
  setMaxListeners(0, stopped.signal);
  const { body } = await api.send({
    method: "GET",
    path: "/version",
    query: new URLSearchParams(),
    headers: { accept: "application/json" },
  });
  const agent = startAgent({
    async credential() {
      const [server, ca, token] = await Promise.all([
        credential("server"),
        credential("ca.crt"),
        credential("token"),
      ]);
      return { server: server.trim(), ca, token: token.trim() };
    },
    ...{ dial, api, version, clock, log },
    kubernetesVersion: (body as { readonly gitVersion?: string } | undefined)?.gitVersion ?? "",
    signal: stopped.signal,
  });
  metrics.gauge("isthmus_agent_connected", "Whether the agent is connected to a manager.", () =>
    Number(agent.isConnected),
  );
  const notReady = () => (agent.isConnected ? undefined : "not connected to a manager");
  const close = await startOperations({ listen: options.listen, notReady, metrics }).catch((reason) => {
    stopped.abort();
    throw reason;
  });
  return {
    ...{ notReady, metrics, changes: agent.changes },
    async stop() {
      stopped.abort();
      await close();
    },
  };
}
