import { connectEngine, type HostUsage, type MeshStatus, openStateFolder } from "../../engine/index.ts";
import { type Command, textOption } from "../command.ts";
import { findingLines } from "../finding-lines.ts";
import { bytesText } from "../rates.ts";
import { stateFolderOf } from "../state-option.ts";
import { duration, type Paint, table } from "../terminal.ts";
import { rotationLine } from "../trust/trust-lines.ts";

export const status: Command = {
  summary: "What runs and what is wrong, effect first.",
  usage: "status [-o wide|json]",
  options: {},
  optionTexts: {},
  async run(input) {
    const { terminal, signal } = input;
    const state = openStateFolder(stateFolderOf(input), { create: false });
    const mesh = await connectEngine(state).call<MeshStatus>("status", {}, signal);
    if (textOption(input, "output") === "json") terminal.print(JSON.stringify(mesh, undefined, 2));
    else {
      for (const line of statusLines(mesh, terminal.paint)) terminal.print(line);
      if (textOption(input, "output") === "wide")
        for (const line of ["", ...hostLines(mesh.host)]) terminal.print(line);
    }
    return mesh.findings.some(({ severity }) => severity === "error") ? 1 : 0;
  },
};

/** The status page of the terminal. */
export function statusLines(mesh: MeshStatus, paint: Paint): string[] {
  const ready = mesh.clusters.filter(({ state }) => state === "ready").length;
  const synced = mesh.proxies.filter(({ state }) => state === "SYNCED").length;
  const root =
    mesh.root === undefined
      ? ""
      : ` · root ${mesh.root.fingerprint.slice(0, 8)}… expires in ${until(mesh.root.notAfter)}${otherRoots(mesh)}`;
  const head = `${mesh.name} · up ${duration(Date.now() - Date.parse(mesh.startedAt))} · ${ready} of ${mesh.clusters.length} clusters · ${synced} of ${mesh.proxies.length} proxies synced${root}`;
  const rows = mesh.clusters.map((cluster) => {
    const proxies = mesh.proxies.filter((proxy) => proxy.cluster === cluster.name);
    const gateway = mesh.gateways.find((one) => one.cluster === cluster.name && one.kind === "eastwest");
    return [
      cluster.name,
      cluster.state === "ready" ? paint.good("ok") : paint.warn(cluster.waitingFor ?? cluster.state),
      cluster.role === "management"
        ? "management"
        : cluster.istiod
          ? "istiod (own)"
          : `istiod.${cluster.primary}`,
      cluster.network ?? (cluster.role === "management" ? "–" : "flat"),
      gateway === undefined
        ? "–"
        : gateway.address === undefined
          ? paint.warn("waiting for address")
          : `${gateway.address}:${gateway.port}`,
      cluster.role === "management"
        ? "–"
        : `${proxies.filter(({ state }) => state === "SYNCED").length}/${proxies.length}`,
      `${cluster.pods.ready}/${cluster.pods.total}`,
      cluster.registry ?? "–",
    ];
  });
  const header = ["CLUSTER", "STATE", "CONTROL PLANE", "NETWORK", "EAST-WEST", "PROXIES", "PODS", "REGISTRY"];
  const ingress = mesh.gateways
    .filter(({ kind }) => kind === "ingress")
    .map(({ cluster, url }) => ["ingress", cluster, url ?? paint.warn("waiting for address")]);
  const peerings = peeringRows(mesh.peerings, paint);
  const addons = mesh.addons.map(({ cluster, name, url }) => [name, cluster, url]);
  const places = [...ingress, ...addons];
  return [
    head,
    "",
    ...table([header, ...rows]),
    ...(peerings.length > 1 ? ["", ...table(peerings)] : []),
    ...(places.length > 0 ? ["", ...table(places)] : []),
    ...(mesh.rotation === undefined ? [] : ["", rotationLine(mesh.rotation)]),
    "",
    ...findingLines(mesh.findings, paint),
  ];
}

/** What the mesh takes of this machine, and which clusters' pods how much of it. */
export function hostLines({ pid, memory, cpuSeconds, uptimeSeconds, clusters }: HostUsage): string[] {
  const rows = clusters.map((one) => [
    one.name,
    String(one.pods),
    `${Math.round(one.cpu * 1000)}m`,
    bytesText(one.memory),
  ]);
  const share = Math.round((100 * cpuSeconds) / Math.max(1, uptimeSeconds));
  return [
    ...table([["CLUSTER", "PODS", "CPU", "MEMORY"], ...rows]),
    "",
    `process ${pid}: ${bytesText(memory)}, ${cpuSeconds.toFixed(1)} s of processor time (${share} % of one). API servers, controllers and built-in proxies of all clusters run in it.`,
  ];
}

function peeringRows(peerings: MeshStatus["peerings"], paint: Paint): string[][] {
  const milliseconds = (value: number | undefined) => (value === undefined ? "–" : `${value} ms`);
  return [
    ["PEERING", "STATE", "RESOURCES", "ROUND TRIP", "LAST SEEN"],
    ...peerings.map(({ consumer, provider, state, problem, resources, roundTrip, lastSeen }) => [
      `${consumer} → ${provider}`,
      state === "Established" ? paint.good(state) : paint.warn([state, problem].filter(Boolean).join(": ")),
      Object.entries(resources)
        .map(([name, quantity]) => `${name} ${quantity}`)
        .join(", ") || "–",
      `→ ${milliseconds(roundTrip.toProvider)}  ← ${milliseconds(roundTrip.toConsumer)}`,
      lastSeen === undefined ? "never" : since(lastSeen),
    ]),
  ];
}

function otherRoots({ root, roots = [] }: MeshStatus): string {
  const others = roots.filter((fingerprint) => fingerprint !== root?.fingerprint);
  return others.length === 0
    ? ""
    : `, beside ${others.map((fingerprint) => `${fingerprint.slice(0, 8)}…`).join(", ")}`;
}

function since(time: string): string {
  const passed = Date.now() - Date.parse(time);
  return passed < 1000 ? "now" : `${duration(passed)} ago`;
}

function until(time: string): string {
  return duration(Date.parse(time) - Date.now());
}
