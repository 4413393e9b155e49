import {
  clusterFailure,
  createHelm,
  listOurs,
  type Removal,
  removeMesh,
  usersNamespaces,
} from "../../apply/index.ts";
import { IsthmusError, systemClock } from "../../base/index.ts";
import type { Mesh } from "../../mesh/index.ts";
import { removeOrphanedProbes } from "../../verify/index.ts";
import { confirm } from "../apply/confirm.ts";
import { realClusters } from "../apply/real-clusters.ts";
import { type CommandInput, textOption } from "../command.ts";
import { reachClusters } from "../reach-clusters.ts";
import { readMesh } from "../read-mesh.ts";
import { readSeconds } from "../read-seconds.ts";
import { duration, table } from "../terminal.ts";

/** Seconds until everything has to be gone: clouds take minutes to give a load balancer back. */
const defaultTimeout = 300;

/** What became of one cluster. */
type Outcome = Removal | { readonly cluster: string; readonly failure: IsthmusError };

/**
 * `isthmus down --real`: everything of ours out of the clusters of a mesh file. A cluster that can't be reached does not keep the
 * others from it: it is named, and the exit code is 1.
 */
export async function downReal(input: CommandInput): Promise<number> {
  const { terminal, signal } = input;
  const output = textOption(input, "output") ?? "text";
  if (output !== "text" && output !== "json")
    throw new IsthmusError("arguments/wrong", `-o is json, not "${output}"`);
  if (input.values["purge"] === true)
    throw new IsthmusError("arguments/wrong", "--real and --purge can't both be given", {
      nextStep: "One is about real clusters, the other about the mesh on this machine.",
    });
  const timeout = readSeconds(textOption(input, "timeout"), "--timeout", defaultTimeout) * 1000;
  const { mesh, compiled } = await readMesh(input, { check: () => [], unless: "Nothing was changed." });
  const started = systemClock.now();
  const clusters = await reachClusters(mesh, textOption(input, "kubeconfig"), signal);
  try {
    const say =
      output === "json" ? (text: string) => terminal.note(text) : (text: string) => terminal.print(text);
    const real = realClusters(clusters);
    const namespaces = input.values["namespaces"] === true;
    const found = new Map(
      await Promise.all(
        [...real].map(async ([name, one]) => {
          const users = usersNamespaces(name, { mesh, namespaces });
          const ours = await listOurs(one.client);
          return [name, ours.filter((object) => !users.has(object.replace(/^Namespace /, "")))] as const;
        }),
      ),
    );
    const rows = [...real].map(([name, { helm }]) => [
      terminal.paint.bold(name),
      `context ${helm.context}`,
      `${found.get(name)?.length ?? 0} objects of ours`,
    ]);
    for (const line of table(rows)) say(line);
    for (const [name, names] of found) {
      if (names.length > 0) say(`\n${terminal.paint.bold(name)}`);
      for (const one of names) say(`  ${terminal.paint.bad("-")} ${one}`);
    }
    const count = [...found.values()].flat().length;
    if (count > 0 && input.values["yes"] !== true)
      await confirm(terminal, {
        what: `${count} objects in ${real.size} clusters go`,
        answer: mesh.name,
        signal,
      });
    const helm = createHelm({ folder: mesh.folder, signal });
    const outcomes = await Promise.all(
      [...real.values()].map(async (cluster): Promise<Outcome> => {
        try {
          await removeOrphanedProbes(cluster.client);
          return await removeMesh(cluster, {
            ...{ mesh, compiled, helm, timeout, signal },
            namespaces,
            waiting: waits(input, cluster.name),
          });
        } catch (reason) {
          signal.throwIfAborted();
          const failure = clusterFailure(cluster.name, reason);
          if (failure.code === "internal") throw reason;
          return { cluster: cluster.name, failure };
        }
      }),
    );
    terminal.live([]);
    const all = inFileOrder(mesh, [
      ...outcomes,
      ...[...clusters.unreachable].map(([cluster, failure]) => ({ cluster, failure })),
    ]);
    if (output === "json") terminal.print(JSON.stringify({ clusters: all.map(asJson) }, undefined, 2));
    else for (const line of removalLines(all, input, systemClock.now() - started)) terminal.print(line);
    return all.every((one) => !("failure" in one) && one.after.length === 0) ? 0 : 1;
  } finally {
    clusters.close();
  }
}

function waits(
  { terminal }: CommandInput,
  cluster: string,
): (name: string, what: string | undefined) => void {
  return (_name, what) => terminal.live(what === undefined ? [] : [`  ${cluster}   waits for ${what}`]);
}

function inFileOrder({ clusters }: Mesh, outcomes: readonly Outcome[]): readonly Outcome[] {
  return [...clusters.keys()].flatMap((name) => outcomes.filter(({ cluster }) => cluster === name));
}

function removalLines(all: readonly Outcome[], { terminal }: CommandInput, milliseconds: number): string[] {
  const { paint } = terminal;
  const left = all.filter((one) => "failure" in one || one.after.length > 0).length;
  return [
    "",
    ...table(
      all.map((one) => [
        paint.bold(one.cluster),
        "failure" in one ? paint.bad("not done") : `${one.before.length} before, ${one.after.length} after`,
      ]),
    ),
    ...all.flatMap((one) => {
      if ("failure" in one) {
        const { message, code, nextStep } = one.failure;
        return [
          `${paint.bad("✗")} ${one.cluster}: ${message}     ${paint.dim(code)}`,
          ...(nextStep === undefined ? [] : [`    ${nextStep}`]),
        ];
      }
      return [
        ...one.after.map((name) => `${paint.bad("✗")} ${one.cluster}: ${name} is still there`),
        ...one.kept.map((text) => `  ${paint.dim("·")} ${one.cluster} keeps ${text}`),
      ];
    }),
    "",
    left === 0
      ? `${paint.good("nothing of ours is left")} in ${all.length} clusters, looked up in all kinds they serve; ${duration(milliseconds)}`
      : `${left} of ${all.length} clusters are not done after ${duration(milliseconds)}: run it again`,
  ];
}

function asJson(one: Outcome): object {
  if (!("failure" in one)) return { ...one, state: one.after.length === 0 ? "removed" : "left" };
  const { code, message, nextStep } = one.failure;
  return { cluster: one.cluster, state: "failed", code, message, nextStep };
}
