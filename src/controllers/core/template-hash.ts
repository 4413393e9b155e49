import { createHash } from "node:crypto";
import { canonicalJson } from "./canonical-json.ts";

/** Letters and digits that make no words by accident; Kubernetes writes names and hashes with them. */
const alphabet = "bcdfghjklmnpqrstvwxz2456789";
const length = 10;

/**
 * Ten characters that are equal for equal templates, as in "web-5d4f8c7b9x". `collisionCount` changes the hash
 * when its name is taken by something else. Only its form is Kubernetes': the hash itself depends on Go there.
 */
export function templateHash(template: unknown, collisionCount: number | undefined): string {
  const digest = createHash("sha256")
    .update(canonicalJson(template))
    .update(collisionCount === undefined ? "" : `/${collisionCount}`)
    .digest();
  return Array.from(digest.subarray(0, length), (byte) => alphabet[byte % alphabet.length]).join("");
}
