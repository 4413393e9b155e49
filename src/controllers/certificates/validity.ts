import { parseGoDuration } from "../../base/index.ts";
import type { CertificateSpec } from "./certificate-kinds.ts";

const day = 24 * 3_600_000;
const defaultDuration = 90 * day;

/** How long a certificate is to live, in milliseconds. */
export function lifetimeOf({ duration }: CertificateSpec): number {
  return parseGoDuration(duration) ?? defaultDuration;
}

/**
 * When a certificate is to be renewed, in milliseconds since 1970: renewBefore its end, where that leaves it any time, else
 * when a third of its life is left.
 */
export function renewalTime(
  { renewBefore, renewBeforePercentage }: CertificateSpec,
  life: { readonly notBefore: number; readonly notAfter: number },
): number {
  const whole = life.notAfter - life.notBefore;
  const asked =
    renewBeforePercentage === undefined
      ? parseGoDuration(renewBefore)
      : (whole * renewBeforePercentage) / 100;
  const before = asked !== undefined && asked < whole ? asked : whole / 3;
  return Math.floor((life.notAfter - before) / 1000) * 1000;
}
