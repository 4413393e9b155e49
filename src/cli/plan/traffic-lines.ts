import type { CellState, TrafficChange, TrafficReport, TrafficShare } from "../../traffic/index.ts";
import { type Paint, table } from "../terminal.ts";

/** Changes that are shown; -o json has all. */
const mostLines = 40;
/** Callers that are named in a line. */
const mostCallers = 3;

/** "What callers will notice", with a line for each change and a verdict on mTLS and access. */
export function trafficLines({ changes, untold }: TrafficReport, paint: Paint): string[] {
  const shown = changes.slice(0, mostLines);
  const more = changes.length - shown.length;
  return [
    paint.bold("What callers will notice"),
    ...table(shown.map((change) => [`  ${subject(change)}`, ...stateCells(change, paint)])),
    ...(more > 0 ? [`  and ${more} more (-o json lists all)`] : []),
    `  ${verdict(changes)}`,
    ...untold.map((text) => `  ${paint.warn("!")} not told: ${text}`),
  ];
}

function subject({ callers, isGateway, service, ports, match, cluster }: TrafficChange): string {
  const named = callers.slice(0, mostCallers).join(", ");
  const rest = callers.length - mostCallers;
  const names = rest > 0 ? `${named} and ${rest} more` : named;
  const what = match === "" ? service : `${service} ${match}`;
  return isGateway
    ? `outside → ${what} (by ${names} in ${cluster})`
    : `${names} → ${what}${ports.length > 1 ? ` on ${ports.length} ports` : ""} (from ${cluster})`;
}

function stateCells({ before, after, effects }: TrafficChange, paint: Paint): string[] {
  const said = effects.map((effect) => (effect.startsWith("loses") ? paint.bad(effect) : paint.good(effect)));
  const reasons = (after?.reasons ?? []).filter((reason) => before?.reasons.includes(reason) !== true);
  const why = reasons.length === 0 ? [] : [paint.dim(reasons.join("; "))];
  if (before === undefined) return ["new", ...shareTexts([], after?.shares ?? []), ...why];
  if (after === undefined) return [...said, paint.dim("the name is gone")];
  const isMoved = JSON.stringify(before.shares) !== JSON.stringify(after.shares);
  return [
    ...(isMoved ? shareTexts(before.shares, after.shares) : []),
    ...handlingTexts(before.handling, after.handling),
    ...said,
    ...why,
  ];
}

/** "time-out none → 3s" for each thing that is done otherwise. */
function handlingTexts(before: CellState["handling"], after: CellState["handling"]): string[] {
  const names = new Set([...Object.keys(before), ...Object.keys(after)]) as Set<keyof typeof before>;
  return [...names].flatMap((name) => {
    const [old, now] = [before[name] ?? "none", after[name] ?? "none"];
    return old === now ? [] : [`${name} ${old} → ${now}`];
  });
}

type Shares = CellState["shares"];

/** Parts of a split that are shown in a line. */
const mostParts = 4;

/** "v1 50 % → 90 %" for each part, in the order of before. Of many clusters, those of one version are put together. */
function shareTexts(before: Shares, after: Shares): string[] {
  const count = (shares: Shares) => new Set(shares.map(keyOf)).size;
  if (count([...before, ...after]) > mostParts) {
    const [old, now] = [byGroup(before), byGroup(after)];
    if (count([...old, ...now]) < count([...before, ...after])) return shareTexts(old, now);
  }
  const all = [...before, ...after];
  const keys = new Map(all.map((share) => [keyOf(share), share]));
  const percentOf = (shares: Shares, key: string) =>
    shares.find((share) => keyOf(share) === key)?.percent ?? 0;
  const texts = [...keys].map(([key, share]) => {
    const [old, now] = [Math.round(percentOf(before, key)), Math.round(percentOf(after, key))];
    return `${nameOf(share, all)} ${before.length === 0 || old === now ? "" : `${old} % → `}${now} %`;
  });
  const more = texts.length - mostParts;
  return more > 0 ? [...texts.slice(0, mostParts), `and ${more} more`] : texts;
}

function byGroup(shares: Shares): Shares {
  const sums = new Map<string, number>();
  for (const { group, percent } of shares) sums.set(group, (sums.get(group) ?? 0) + percent);
  return [...sums].map(([group, percent]) => ({ group, cluster: "", path: "direct", percent }));
}

const keyOf = ({ group, cluster, path }: TrafficShare) => [group, cluster, path].join("\n");

/** As short as it can be told apart from the others. */
function nameOf({ group, cluster, path }: TrafficShare, all: Shares): string {
  const alike = all.filter((other) => other.group === group);
  const isEverywhere = alike.some((other) => other.cluster !== cluster);
  const isBothWays = alike.some((other) => other.cluster === cluster && other.path !== path);
  const way = path === "gateway" ? " by gateway" : " directly";
  return `${group}${isEverywhere && cluster !== "" ? ` in ${cluster}` : ""}${isBothWays ? way : ""}`;
}

function verdict(changes: readonly TrafficChange[]): string {
  const count = (effect: string) =>
    changes.filter(({ before, effects }) => before !== undefined && effects.some((one) => one === effect))
      .length;
  const said = (["loses mTLS", "gains mTLS", "loses access", "gains access"] as const)
    .map((effect) => [count(effect), effect] as const)
    .filter(([number]) => number > 0)
    .map(([number, effect]) => `${number} ${number === 1 ? effect : effect.replace("s ", " ")}`);
  const noMtls = count("loses mTLS") === 0 ? "nothing loses mTLS" : undefined;
  const noAccess =
    count("loses access") + count("gains access") === 0 ? "nothing gains or loses access" : undefined;
  return [...said, noMtls, noAccess].filter((text) => text !== undefined).join(", ");
}
