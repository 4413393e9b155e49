import { setMaxListeners } from "node:events";
import { type Clock, createSignal, IsthmusError, version } from "../../base/index.ts";
import { type ApiTransport, createHttpTransport, type HttpTransport } from "../../kube/index.ts";
import { runManager, startAgent } from "../../management/index.ts";
import type { ContainerContext, StandIn } from "../../runtime/index.ts";

const accountFolder = "/var/run/secrets/kubernetes.io/serviceaccount";
const relayFolder = "/etc/relay";
/** How long a token that was read is used, in milliseconds; they are renewed well before their end. */
const tokenKept = 5 * 60_000;

/** The manager's image, run by our management. */
export function createManagerStandIn(clock: Clock): StandIn {
  return {
    name: "manager",
    matches: (_, { image = "" }) => /(^|\/)isthmus\/manager(:|@|$)/.test(image),
    onPodAddress: true,
    async start(context) {
      const { client, env, logger: log, network, pod } = context;
      const stop = await runManager({
        client,
        identity: env["POD_NAME"] ?? pod.metadata.name,
        hostSuffix: env["HOST_SUFFIX"],
        listen: (port, onConnection) => network.listen(port, onConnection),
        clock,
        log,
      });
      context.log(`manager of ${context.cluster} is up`);
      return endedBy(stop);
    },
  };
}

/** The agent's image: it calls the manager, and passes on what that asks of the cluster's API as its own account. */
export function createAgentStandIn(clock: Clock): StandIn {
  return {
    name: "agent",
    matches: (_, { image = "" }) => /(^|\/)isthmus\/agent(:|@|$)/.test(image),
    onPodAddress: true,
    async start(context) {
      const { logger: log, network } = context;
      const stopped = new AbortController();
      setMaxListeners(0, stopped.signal);
      const api = ownApi(context, clock);
      const { body } = await api.send({
        method: "GET",
        path: "/version",
        query: new URLSearchParams(),
        headers: { accept: "application/json" },
      });
      const agent = startAgent({
        async credential() {
          const files = await context.readMount(relayFolder);
          const read = (name: string) => files.get(name)?.toString("utf8") ?? "";
          return { server: read("server"), ca: read("ca.crt"), token: read("token") };
        },
        dial: (host, port) => network.connect(host, port),
        api,
        version,
        kubernetesVersion: (body as { readonly gitVersion?: string } | undefined)?.gitVersion ?? "",
        clock,
        log,
        signal: stopped.signal,
      });
      context.log(`agent of ${context.cluster} is up`);
      return {
        ...endedBy(async () => {
          stopped.abort();
          api.close();
        }),
        isReady: () => agent.isConnected,
        changes: agent.changes,
      };
    },
  };
}

function endedBy(stop: () => Promise<void>) {
  let end = (_result: { exitCode: number }) => {};
  const exited = new Promise<{ exitCode: number }>((resolve) => {
    end = resolve;
  });
  return {
    exited,
    changes: createSignal(),
    async stop() {
      await stop();
      end({ exitCode: 0 });
    },
  };
}

/** The API of the pod's cluster, found and reached as programs in pods do, as the pod's account. */
function ownApi(context: ContainerContext, clock: Clock): ApiTransport & { close(): void } {
  const { env, network } = context;
  const [host, port] = [env["KUBERNETES_SERVICE_HOST"], env["KUBERNETES_SERVICE_PORT"]];
  let current: { readonly transport: HttpTransport; readonly since: number } | undefined;
  const open = async (): Promise<HttpTransport> => {
    if (current !== undefined && clock.now() - current.since < tokenKept) return current.transport;
    const files = await context.readMount(accountFolder);
    const [ca, token] = [files.get("ca.crt"), files.get("token")];
    if (host === undefined || ca === undefined || token === undefined)
      throw new IsthmusError("cluster/unreachable", "the pod has no service account to reach its API with");
    const transport = createHttpTransport({
      server: `https://${host}:${port}`,
      ca: ca.toString("utf8"),
      token: token.toString("utf8"),
      connect: (address, at) => network.dial({ address, port: at }),
    });
    current?.transport.close();
    current = { transport, since: clock.now() };
    return transport;
  };
  return {
    send: async (request, signal) => (await open()).send(request, signal),
    close: () => current?.transport.close(),
  };
}
