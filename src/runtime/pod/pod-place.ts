import { mkdir, rm } from "node:fs/promises";
import path from "node:path";
import { startDnsServer } from "../../dns/index.ts";
import type { Container, Pod } from "../../kube/index.ts";
import type {
  ContainerContext,
  ExecStreams,
  NodeSpec,
  NodesOptions,
  PodNetwork,
  ProgramContext,
  StandIn,
} from "../contracts.ts";
import type { ProbeTarget } from "../probe/probe.ts";
import { execProgram } from "../process/exec.ts";
import { createProgramContext } from "../process/program-context.ts";
import type { ContainerLog } from "./container-log.ts";
import { resolveEnv, type ServiceAddress, serviceVariables } from "./env.ts";
import { expandVariables } from "./expand.ts";
import { createPodObjects, type PodObjects } from "./pod-objects.ts";
import { createPodTokens } from "./tokens.ts";
import { volumeFolders } from "./volume-folders.ts";
import { missingVolume, readMounts, type VolumeSources } from "./volumes.ts";

/** What all pods of a cluster's nodes share. */
export interface NodeServices {
  readonly options: NodesOptions;
  standInFor(container: Container): StandIn | undefined;
  /** Services of a namespace with an address, once they are known. */
  servicesOf(namespace: string): Promise<readonly ServiceAddress[]>;
  /** Folder with the small programs that come first on the PATH of a pod's programs. */
  podTools(): Promise<string>;
  allocatable(node: NodeSpec): Readonly<Record<string, string>>;
}

/** The surroundings of one pod's containers: files, variables, network, programs. */
export interface PodPlace {
  readonly objects: PodObjects;
  environment(container: Container): Promise<Readonly<Record<string, string>>>;
  missingVolume(): ReturnType<typeof missingVolume>;
  context(container: Container, env: Readonly<Record<string, string>>, log: ContainerLog): ContainerContext;
  probeTarget(container: Container, env: () => Readonly<Record<string, string>>): ProbeTarget;
  programs(container: Container, env: Readonly<Record<string, string>>): ProgramContext;
  /** Ports that connections to the pod's address are led to the app on. */
  readonly appPorts: readonly number[];
  /** Ends the pod's resolver and removes its files. */
  clear(): Promise<void>;
}

/** Where the pods' folders are. */
export function podsFolder(stateFolder: string): string {
  return path.join(stateFolder, "pods");
}

/** The most output of a probe or hook that is kept. */
const mostOutput = 10 * 1024;

export function createPodPlace(place: {
  /** The newest pod, with its addresses in the status. */
  pod(): Pod;
  readonly node: NodeSpec;
  readonly network: PodNetwork;
  readonly services: NodeServices;
}): PodPlace {
  const { node, network, services } = place;
  const { options } = services;
  const first = place.pod();
  const { namespace = "default", name, uid = "" } = first.metadata;
  const folder = path.join(podsFolder(options.stateFolder), `${namespace}_${name}_${uid}`);
  const home = options.homeOf?.(first);
  const homeClient = home?.client ?? options.client;
  const objects = createPodObjects(homeClient, namespace, options.log);
  const tokens = createPodTokens(
    homeClient,
    home === undefined ? first : ofUid(first, home.uid),
    options.clock,
  );
  const allocatable = services.allocatable(node);
  const sources = (): VolumeSources => ({ pod: place.pod(), objects, tokens, allocatable });
  const account = first.spec.serviceAccountName ?? "default";
  const client = (home ?? options).clientAs({
    name: `system:serviceaccount:${namespace}:${account}`,
    groups: ["system:serviceaccounts", `system:serviceaccounts:${namespace}`, "system:authenticated"],
  });
  const appPorts = appPortsOf(first, services);

  const folderOf = async (container: Container) => {
    const own = path.join(folder, container.name);
    await mkdir(own, { recursive: true, mode: 0o700 });
    return own;
  };
  const readMount = (container: Container, mountPath: string) => readMounts(container, mountPath, sources());

  const programs: PodPlace["programs"] = (container, env) =>
    createProgramContext({
      pod: place.pod,
      container,
      env,
      network,
      scratch: () => folderOf(container),
      readMount: (mountPath) => readMount(container, mountPath),
      volumeFolders: (shared) => volumeFolders(place.pod(), shared, options),
      podTools: services.podTools,
      resolver,
    });
  /** Started when the first program asks; most pods never run one. */
  let resolving: ReturnType<typeof startDnsServer> | undefined;
  let cleared: Promise<void> | undefined;
  const resolver = async () => {
    const { address } = network.appAddress(53);
    resolving ??= startDnsServer({
      address,
      port: 0,
      resolve: (question) => network.answer(question),
      log: options.log,
    });
    return `${address}:${(await resolving).port}`;
  };

  return {
    objects,
    async environment(container) {
      const links = place.pod().spec["enableServiceLinks"] !== false;
      const known = links ? await services.servicesOf(namespace) : [];
      const variables = serviceVariables(known, (home ?? options).apiService);
      return resolveEnv(container, { pod: place.pod(), objects, allocatable, services: variables });
    },
    missingVolume: () => missingVolume(sources()),
    context: (container, env, log) => ({
      cluster: options.cluster,
      pod: place.pod(),
      container: withVariables(container, env),
      env,
      network,
      readMount: (mountPath) => readMount(container, mountPath),
      token: (audience) => tokens.token(audience),
      log: (line) => log.line(line),
      write: (stream, chunk) => log.write(stream, chunk),
      logger: options.log.child({ pod: `${namespace}/${name}`, container: container.name }),
      client,
      scratch: () => folderOf(container),
      programs: programs(container, env),
    }),
    probeTarget: (container, env) => ({
      podAddress: network.address,
      port(port) {
        if (typeof port === "number") return port;
        const named = container.ports?.find((candidate) => candidate.name === port)?.containerPort;
        return named ?? (/^\d+$/.test(port) ? Number(port) : undefined);
      },
      dial: (to) => network.dial(to),
      async exec(command, signal) {
        const output: Uint8Array[] = [];
        let size = 0;
        const keep = (chunk: Uint8Array) => {
          if (size < mostOutput) output.push(chunk.subarray(0, mostOutput - size));
          size += chunk.length;
        };
        const streams: ExecStreams = { stdout: keep, stderr: keep, tty: false };
        const { exitCode } = await execProgram(command, streams, programs(container, env()), signal);
        return { exitCode, output: Buffer.concat(output).toString("utf8") };
      },
    }),
    programs,
    appPorts,
    clear() {
      cleared ??= (async () => {
        await (await resolving?.catch(() => undefined))?.stop();
        await rm(folder, { recursive: true, force: true });
      })();
      return cleared;
    },
  };
}

function ofUid(pod: Pod, uid: string): Pod {
  return { ...pod, metadata: { ...pod.metadata, uid } };
}

/** Ports that the pod's apps have, declared or known of the stand-in; a port that a proxy names too is the proxy's. */
function appPortsOf(pod: Pod, services: NodeServices): readonly number[] {
  const proxyPorts = new Set<number>();
  const appPorts = new Set<number>();
  for (const container of [...(pod.spec.initContainers ?? []), ...pod.spec.containers]) {
    const standIn = services.standInFor(container);
    const declared = (container.ports ?? [])
      .filter(({ protocol = "TCP" }) => protocol === "TCP")
      .map(({ containerPort }) => containerPort);
    const owner = standIn?.onPodAddress === true ? proxyPorts : appPorts;
    for (const port of [...declared, ...(standIn?.ports ?? [])]) owner.add(port);
  }
  return [...appPorts].filter((port) => !proxyPorts.has(port));
}

/** The container with $(VAR) replaced in its command and arguments, as it is run. */
function withVariables(container: Container, env: Readonly<Record<string, string>>): Container {
  const expand = (words: readonly string[]) => words.map((word) => expandVariables(word, env));
  const { command, args } = container;
  return {
    ...container,
    ...(command === undefined ? {} : { command: expand(command) }),
    ...(args === undefined ? {} : { args: expand(args) }),
  };
}
