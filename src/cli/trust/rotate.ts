import type { ControlClient, RotationReport, TrustStatus } from "../../engine/index.ts";
import { type CommandInput, textOption } from "../command.ts";
import { trustLines } from "./trust-lines.ts";

/** What each step is for, in the words of the terminal. */
const stepTexts: Readonly<Record<RotationReport["step"], string>> = {
  distribute: "the new root is believed beside the old one",
  sign: "certificates are signed by new intermediates",
  retire: "the old root is believed no more",
};

/**
 * Has the engine take one step of a rotation after the other and says how each went. Ends with 1 when a request got no
 * answer meanwhile.
 */
export async function rotate(
  input: CommandInput,
  options: {
    readonly engine: ControlClient;
    readonly kind: RotationReport["kind"] | undefined;
    readonly timeout: number;
  },
): Promise<number> {
  const { terminal, signal } = input;
  const { engine, kind, timeout } = options;
  const isJson = textOption(input, "output") === "json";
  const { rotation } = await engine.call<TrustStatus>("trust", {}, signal);
  if (rotation !== undefined)
    terminal.note(
      `going on with the rotation of ${rotation.startedAt}, at "${stepTexts[stepOf(rotation.step)]}"`,
    );
  const reports: RotationReport[] = [];
  for (;;) {
    const report = await engine.call<RotationReport>("rotate-trust", { kind, timeout }, signal);
    reports.push(report);
    if (!isJson) terminal.note(stepLine(report));
    if (report.next === undefined) break;
  }
  const [sent, lost] = [sumOf(reports, "sent"), sumOf(reports, "lost")];
  const status = await engine.call<TrustStatus>("trust", {}, signal);
  if (isJson) terminal.print(JSON.stringify({ steps: reports, sent, lost, ...status }, undefined, 2));
  else {
    const failure = reports.find(({ losses }) => losses.failure !== undefined)?.losses.failure;
    const counted = `${sent} requests between and within clusters meanwhile, ${lost} lost`;
    terminal.note(lost === 0 ? counted : terminal.paint.bad(`${counted}; first ${failure}`));
    for (const line of trustLines(status, Date.now())) terminal.print(line);
  }
  return lost === 0 ? 0 : 1;
}

function stepLine({ step, steps, milliseconds, clusters, proxies, losses }: RotationReport): string {
  const place = `${steps.indexOf(step) + 1}/${steps.length}`;
  const took = `${(milliseconds / 1000).toFixed(1)} s`;
  return `${place}  ${stepTexts[step]}: ${clusters} clusters, ${proxies} proxies, ${took}, ${losses.lost} of ${losses.sent} requests lost`;
}

function sumOf(reports: readonly RotationReport[], count: "sent" | "lost"): number {
  return reports.reduce((sum, { losses }) => sum + losses[count], 0);
}

function stepOf(text: string): RotationReport["step"] {
  return text === "distribute" || text === "retire" ? text : "sign";
}
