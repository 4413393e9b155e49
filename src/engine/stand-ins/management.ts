import { type Clock, createSignal } from "../../base/index.ts";
import { createHttpTransport, inClusterAccess, serviceAccountFolder } from "../../kube/index.ts";
import { type Listen, managementPorts, runAgent, runManager } from "../../management/index.ts";
import type { ContainerContext, StandIn } from "../../runtime/index.ts";

const relayFolder = "/etc/relay";

/** The manager's image, run by our management. */
export function createManagerStandIn(clock: Clock): StandIn {
  return {
    name: "manager",
    matches: (_, { image = "" }) => /(^|\/)isthmus\/manager(:|@|$)/.test(image),
    onPodAddress: true,
    async start(context) {
      const { env, logger: log, pod } = context;
      const api = await ownApi(context, clock);
      const manager = await runManager({
        ...{ api, listen: listenIn(context), clock, log },
        identity: env["POD_NAME"] ?? pod.metadata.name,
        hostSuffix: env["HOST_SUFFIX"],
      });
      context.log(`manager of ${context.cluster} is up`);
      return endedBy(async () => {
        await manager.stop();
        api.close();
      });
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
      const api = await ownApi(context, clock);
      const agent = await runAgent({
        credential: async (name) => (await context.readMount(relayFolder)).get(name)?.toString("utf8") ?? "",
        dial: (host, port) => network.connect(host, port),
        ...{ api, listen: listenIn(context), clock, log },
      });
      context.log(`agent of ${context.cluster} is up`);
      return {
        ...endedBy(async () => {
          await agent.stop();
          api.close();
        }),
        isReady: () => agent.notReady() === undefined,
        changes: agent.changes,
      };
    },
  };
}

function listenIn({ network }: ContainerContext): Listen {
  return (port, onConnection) => network.listen(managementPorts[port], onConnection);
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
async function ownApi(context: ContainerContext, clock: Clock) {
  const { env, network } = context;
  return createHttpTransport({
    ...(await inClusterAccess({
      env,
      readFile: async (name) => (await context.readMount(serviceAccountFolder)).get(name)?.toString("utf8"),
      clock,
    })),
    connect: (address, at) => network.dial({ address, port: at }),
  });
}
