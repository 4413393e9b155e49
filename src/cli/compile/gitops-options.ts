import { IsthmusError } from "../../base/index.ts";
import type { GitopsOptions } from "../../compile/index.ts";
import { type CommandInput, textOption, textOptions } from "../command.ts";

/** Options of compile that concern a tool which brings Git to clusters. */
export const gitopsOptions = {
  gitops: { type: "string" },
  repo: { type: "string" },
  revision: { type: "string" },
  path: { type: "string" },
  secrets: { type: "string" },
  "secret-store": { type: "string" },
} as const;

/** The option of compile for addresses that only the clusters know. */
export const addressOptions = { address: { type: "string", multiple: true } } as const;

export const addressOptionTexts = {
  address: "CLUSTER/NAMESPACE/SERVICE=ADDRESS of a gateway whose address is in charts' values (repeatable)",
};

export const gitopsOptionTexts = {
  gitops: "argocd or flux: also what has the tool apply it, in order; Secrets become references to a store",
  repo: "with --gitops: URL of the Git repository that the folder is committed to",
  revision: "with --gitops: its branch, tag or commit (default: main)",
  path: "with --gitops: the folder in the repository (default: its root)",
  secrets: "with --gitops: external (External Secrets, default) or sealed (Sealed Secrets)",
  "secret-store": "with --gitops: ClusterSecretStore of External Secrets (default: mesh)",
};

/** What the options ask for; undefined: no such tool. Throws arguments/wrong. */
export function readGitopsOptions(
  input: CommandInput,
): Omit<GitopsOptions, "mesh" | "addresses"> | undefined {
  const tool = textOption(input, "gitops");
  if (tool === undefined) {
    const alone = Object.keys(gitopsOptions).find((name) => input.values[name] !== undefined);
    if (alone !== undefined)
      throw wrong(`--${alone} is for --gitops`, "Write --gitops argocd or --gitops flux.");
    return undefined;
  }
  if (tool !== "argocd" && tool !== "flux") throw wrong(`--gitops is argocd or flux, not "${tool}"`);
  const repository = textOption(input, "repo");
  if (repository === undefined)
    throw wrong(
      "--gitops wants --repo",
      "Name the Git repository that the folder is committed to: --repo https://…",
    );
  if (input.values["include-secrets"] === true)
    throw wrong(
      "no Secret's data goes to Git",
      "Leave --include-secrets out; the store has it (docs/gitops.md).",
    );
  const secrets = textOption(input, "secrets") ?? "external";
  if (secrets !== "external" && secrets !== "sealed")
    throw wrong(`--secrets is external or sealed, not "${secrets}"`);
  return {
    tool,
    secrets,
    repository,
    revision: textOption(input, "revision") ?? "main",
    path: (textOption(input, "path") ?? "").replace(/^(\.?\/)+|\/+$|^\.$/g, ""),
    secretStore: textOption(input, "secret-store") ?? "mesh",
  };
}

/** Addresses of Services by "CLUSTER/NAMESPACE/SERVICE". Throws arguments/wrong. */
export function readAddresses(input: CommandInput): ReadonlyMap<string, string> {
  return new Map(textOptions(input, "address").map(readAddress));
}

function readAddress(text: string): readonly [string, string] {
  const [, place, address] = /^([^/=]+\/[^/=]+\/[^/=]+)=(\S+)$/.exec(text) ?? [];
  if (place === undefined || address === undefined)
    throw wrong(`"${text}" is no address of a Service`, "Write it as CLUSTER/NAMESPACE/SERVICE=ADDRESS.");
  return [place, address];
}

function wrong(message: string, nextStep?: string): IsthmusError {
  return new IsthmusError("arguments/wrong", message, nextStep === undefined ? {} : { nextStep });
}
