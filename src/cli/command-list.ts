import type { Command } from "./command.ts";

/** A command that is loaded only when asked for: most of a command's time is loading. */
export interface ListedCommand {
  readonly summary: string;
  load(): Promise<Command>;
}

/** All commands by name, in groups as the overview shows them. */
export const commandGroups: Readonly<Record<string, Readonly<Record<string, ListedCommand>>>> = {
  "Write a mesh file": {
    init: {
      summary: "write a mesh file to start from",
      load: async () => (await import("./commands/init.ts")).init,
    },
    schema: {
      summary: "the mesh file's JSON Schema, for editors",
      load: async () => (await import("./commands/schema.ts")).schema,
    },
    import: {
      summary: "a mesh file from clusters that are a mesh already",
      load: async () => (await import("./commands/import.ts")).importCommand,
    },
    compile: {
      summary: "the objects per cluster, without a cluster",
      load: async () => (await import("./commands/compile.ts")).compileCommand,
    },
  },
  "Run it on this machine": {
    up: {
      summary: "run the mesh on this machine",
      load: async () => (await import("./commands/up.ts")).up,
    },
    down: {
      summary: "end the running mesh; --real: take everything of ours out of real clusters",
      load: async () => (await import("./commands/down.ts")).down,
    },
    cluster: {
      summary: "stop, start or restart one cluster of the running mesh",
      load: async () => (await import("./commands/cluster.ts")).cluster,
    },
    envoy: {
      summary: "fetch a real Envoy, for up --dataplane envoy (envoy install)",
      load: async () => (await import("./commands/envoy.ts")).envoy,
    },
  },
  "See and prove it": {
    status: {
      summary: "what runs, and what is wrong",
      load: async () => (await import("./commands/status.ts")).status,
    },
    analyze: {
      summary: "what is wrong, over all clusters, and the way out",
      load: async () => (await import("./commands/analyze.ts")).analyze,
    },
    verify: {
      summary: "prove by real requests that the mesh works, on this machine or on real clusters",
      load: async () => (await import("./commands/verify.ts")).verify,
    },
    console: {
      summary: "the address of the mesh's pages",
      load: async () => (await import("./commands/console.ts")).consoleCommand,
    },
    dashboard: {
      summary: "the address of an add-on's or a proxy's page",
      load: async () => (await import("./commands/dashboard.ts")).dashboard,
    },
    graph: {
      summary: "who calls whom, how often, how fast, and whether encrypted",
      load: async () => (await import("./commands/graph.ts")).graph,
    },
    top: {
      summary: "the busiest workloads: requests, errors, latency, processor and memory",
      load: async () => (await import("./commands/top.ts")).top,
    },
    logs: {
      summary: "logs of pods over all clusters, and what proxies say of requests",
      load: async () => (await import("./commands/logs.ts")).logs,
    },
    load: {
      summary: "send requests at a rate, from a pod or from outside",
      load: async () => (await import("./commands/load.ts")).load,
    },
    endpoints: {
      summary: "the endpoints that a proxy knows",
      load: async () => (await import("./commands/endpoints.ts")).endpoints,
    },
    "proxy-config": {
      summary: "a proxy's clusters, listeners, routes, endpoints, secrets or bootstrap",
      load: async () => (await import("./commands/proxy-config.ts")).proxyConfig,
    },
  },
  "Bring it to real clusters": {
    provision: {
      summary: "write, and run, what creates the clusters at their providers",
      load: async () => (await import("./commands/provision.ts")).provision,
    },
    plan: {
      summary: "what would change in real clusters, and why",
      load: async () => (await import("./commands/plan.ts")).plan,
    },
    apply: {
      summary: "bring real clusters to what the mesh file says, in waves",
      load: async () => (await import("./commands/apply.ts")).apply,
    },
  },
  "Keep it": {
    trust: {
      summary: "who signs for whom; create roots and intermediates, replace those of the running mesh",
      load: async () => (await import("./commands/trust.ts")).trust,
    },
    "remote-secret": {
      summary: "the credential with which an istiod elsewhere reads a cluster",
      load: async () => (await import("./commands/remote-secret.ts")).remoteSecret,
    },
    manager: {
      summary: "run the manager of a fleet, in its management cluster",
      load: async () => (await import("./commands/manager.ts")).manager,
    },
    agent: {
      summary: "run the agent of a cluster that a manager looks after",
      load: async () => (await import("./commands/agent.ts")).agent,
    },
    register: {
      summary: "register a cluster with a manager",
      load: async () => (await import("./commands/register.ts")).register,
    },
  },
};

/** All commands by name. */
export const commands: Readonly<Record<string, ListedCommand>> = Object.assign(
  {},
  ...Object.values(commandGroups),
);
