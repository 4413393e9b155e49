import type { TrustStatus } from "../../engine/index.ts";
import { duration, table } from "../terminal.ts";

/** The table of who signs for whom and is believed. `now` in milliseconds. */
export function trustLines({ clusters, rotation }: TrustStatus, now: number): string[] {
  const until = (time: string) => duration(Date.parse(time) - now);
  const rows = clusters.map(({ cluster, trustDomain, intermediate, root, believed }) => {
    const others = believed.filter(({ fingerprint }) => fingerprint !== root.fingerprint);
    return [
      cluster,
      trustDomain,
      short(intermediate.fingerprint),
      until(intermediate.notAfter),
      short(root.fingerprint),
      until(root.notAfter),
      others.map(({ fingerprint }) => short(fingerprint)).join(", ") || "–",
    ];
  });
  const header = [
    "CLUSTER",
    "TRUST DOMAIN",
    "INTERMEDIATE",
    "EXPIRES IN",
    "ROOT",
    "EXPIRES IN",
    "ALSO BELIEVED",
  ];
  return [...table([header, ...rows]), ...(rotation === undefined ? [] : ["", rotationLine(rotation)])];
}

/** That a rotation is not over, and how it goes on. */
export function rotationLine({ kind, startedAt, step, steps }: NonNullable<TrustStatus["rotation"]>): string {
  const what = kind === "root" ? "the root" : "the intermediates";
  const place = `step ${steps.indexOf(step) + 1} of ${steps.length} (${step})`;
  return `A rotation of ${what}, begun ${startedAt}, is at ${place}: isthmus trust rotate goes on with it.`;
}

/** As much of a fingerprint as tells one from another. */
function short(fingerprint: string): string {
  return `${fingerprint.slice(0, 11)}…`;
}
