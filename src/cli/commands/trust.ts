import path from "node:path";
import { IsthmusError, nearestName, systemClock } from "../../base/index.ts";
import { createTrust } from "../../ca/index.ts";
import { connectEngine, openStateFolder, type TrustStatus } from "../../engine/index.ts";
import { type Command, type CommandInput, textOption, textOptions } from "../command.ts";
import { readDuration } from "../read-duration.ts";
import { stateFolderOf } from "../state-option.ts";
import { rotate } from "../trust/rotate.ts";
import { trustLines } from "../trust/trust-lines.ts";

const actions = ["create", "rotate"] as const;

export const trust: Command = {
  summary:
    "Show who signs for whom and is believed; create roots and intermediates in Istio's four-file form; replace those of the running mesh.",
  usage:
    "trust [-o json] | trust create DIR [--cluster NAME]... [--mesh NAME] | trust rotate [--intermediates] [--timeout 2m] [-o json]",
  options: {
    cluster: { type: "string", multiple: true },
    mesh: { type: "string" },
    intermediates: { type: "boolean" },
    timeout: { type: "string" },
  },
  optionTexts: {
    cluster: "create: an intermediate of its own for this cluster, in DIR/NAME (repeatable)",
    mesh: "create: name in the certificates' subjects (default: mesh)",
    intermediates: "rotate: keep the root, replace what it signed",
    timeout: "rotate: how long every proxy may take for one step (default 2m)",
  },
  async run(input) {
    const [action, ...rest] = input.positionals;
    switch (action) {
      case undefined:
        return show(input);
      case "create":
        return create(input, rest);
      case "rotate":
        if (rest.length > 0) throw wrong(`"${rest[0]}" is one argument too many`);
        return rotate(input, {
          engine: connectEngine(openStateFolder(stateFolderOf(input), { create: false })),
          kind: input.values["intermediates"] === true ? "intermediates" : undefined,
          timeout: readDuration(textOption(input, "timeout") ?? "2m", "--timeout"),
        });
      default: {
        const near = nearestName(action, actions);
        throw wrong(`trust has no action "${action}"${near === undefined ? "" : `; did you mean ${near}?`}`);
      }
    }
  },
};

async function show(input: CommandInput): Promise<number> {
  const { terminal, signal } = input;
  const engine = connectEngine(openStateFolder(stateFolderOf(input), { create: false }));
  const status = await engine.call<TrustStatus>("trust", {}, signal);
  if (textOption(input, "output") === "json") terminal.print(JSON.stringify(status, undefined, 2));
  else for (const line of trustLines(status, systemClock.now())) terminal.print(line);
  return 0;
}

function create(input: CommandInput, [folder, ...more]: readonly string[]): number {
  if (folder === undefined || more.length > 0) throw wrong("trust create wants one folder");
  const places = createTrust(path.resolve(folder), {
    mesh: textOption(input, "mesh") ?? "mesh",
    clusters: textOptions(input, "cluster"),
    now: systemClock.now(),
  });
  for (const place of places) input.terminal.print(path.relative(process.cwd(), place) || ".");
  input.terminal.note(`root-key.pem in ${folder} can sign for every cluster: keep it offline, never in git.`);
  return 0;
}

function wrong(message: string): IsthmusError {
  return new IsthmusError("arguments/wrong", message, { nextStep: `isthmus ${trust.usage}` });
}
