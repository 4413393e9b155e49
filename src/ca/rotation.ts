import { existsSync, mkdirSync, readFileSync, rmSync } from "node:fs";
import path from "node:path";
import { IsthmusError } from "../base/index.ts";
import { certificateInfo, certificatesOf } from "../pki/index.ts";
import { loadCaFiles, writeCaFiles } from "./ca-files.ts";
import type { CaPlace } from "./ca-place.ts";
import { createIntermediate, createRoot, type Root, readSigningRoot } from "./create-trust.ts";
import { mergeRoots, rootAbove } from "./roots.ts";
import { writeWhole } from "./write-whole.ts";

/** What becomes new: the intermediates under the roots that there are, or everything. */
export type RotationKind = "intermediates" | "root";

/**
 * distribute: everybody believes the new roots beside the old ones. sign: what is signed from now on is signed under
 * the new ones. retire: nobody believes the old roots any more. A step begins when everybody has done the one before,
 * so at any moment any two workloads believe each other.
 */
export type RotationStep = "distribute" | "sign" | "retire";

const stepsOf: Readonly<Record<RotationKind, readonly RotationStep[]>> = {
  root: ["distribute", "sign", "retire"],
  intermediates: ["sign"],
};

/** The CA of one cluster, or of several that share it. */
export interface RotatedPlace extends CaPlace {
  /** Whose CA it is, as its certificate's subject tells. */
  readonly name: string;
}

/** A rotation that has begun. Kept in a folder of its own together with the CAs to come, so it outlives the process. */
export interface Rotation {
  readonly kind: RotationKind;
  /** ISO 8601. */
  readonly startedAt: string;
  /** The step under way. */
  readonly step: RotationStep;
  readonly steps: readonly RotationStep[];
  /** Fingerprints of the roots that give way. */
  readonly replaced: readonly string[];
}

interface Kept extends Rotation {
  readonly roots: readonly { readonly folder: string; readonly replaces: string }[];
  readonly places: readonly RotatedPlace[];
}

const recordFile = "rotation.json";

/** The rotation under way in `store`, if there is one. */
export function readRotation(store: string): Rotation | undefined {
  const file = path.join(store, recordFile);
  return existsSync(file) ? (JSON.parse(readFileSync(file, "utf8")) as Kept) : undefined;
}

/**
 * Makes what a rotation of `places` needs and notes it in `store`; nothing of `places` changes yet. One that is under
 * way goes on: places that have come since are taken in, from its first step. trust/rotation-under-way when that one
 * is of another kind, trust/root-key-missing when intermediates are to be signed by a root whose key is elsewhere.
 */
export function beginRotation(
  store: string,
  places: readonly RotatedPlace[],
  options: { readonly kind?: RotationKind | undefined; readonly mesh: string; readonly now: number },
): Rotation {
  const before = readRotation(store) as Kept | undefined;
  if (before !== undefined && options.kind !== undefined && options.kind !== before.kind)
    throw new IsthmusError(
      "trust/rotation-under-way",
      `a rotation of ${words[before.kind]} that began at ${before.startedAt} is not over`,
      { nextStep: "isthmus trust rotate goes on with it." },
    );
  const kind = before?.kind ?? options.kind ?? "root";
  const startedAt = before?.startedAt ?? new Date(options.now).toISOString();
  const roots = [...(before?.roots ?? [])];
  const kept = [...(before?.places ?? [])];
  const fresh = places.filter(({ place }) => !kept.some((one) => one.place === place));
  const [first] = stepsOf[kind];
  if (before !== undefined && fresh.length === 0) return before;
  mkdirSync(store, { recursive: true, mode: 0o700 });
  for (const place of fresh) {
    if (kind === "root" && !roots.some(({ folder }) => folder === place.folder)) {
      const files = loadCaFiles(place.place);
      const old = rootAbove(files["cert-chain.pem"] + files["ca-cert.pem"], files["root-cert.pem"]);
      writeRoot(rootFolder(store, roots.length), createRoot(`${options.mesh} ${startedAt}`, options.now));
      roots.push({
        folder: place.folder,
        replaces: certificateInfo(old ?? files["root-cert.pem"]).fingerprint,
      });
    }
    const index = roots.findIndex(({ folder }) => folder === place.folder);
    const root = readSigningRoot(kind === "root" ? rootFolder(store, index) : place.folder);
    if (root === undefined)
      throw new IsthmusError(
        "trust/root-key-missing",
        `the key of the root in ${place.folder} is not there`,
        {
          nextStep: `Put it there as root-key.pem, with its root-cert.pem, for as long as the rotation takes; or rotate the root too.`,
        },
      );
    writeCaFiles(placeFolder(store, kept.length), createIntermediate(root, place.name, options.now));
    kept.push(place);
  }
  const replaced = roots.map(({ replaces }) => replaces);
  const begun: Kept = {
    ...{ kind, startedAt, step: first ?? "sign", steps: stepsOf[kind], replaced },
    ...{ roots, places: kept },
  };
  writeRecord(store, begun);
  return begun;
}

/** Writes the CAs of all places as the step under way wants them. The same again when they are so already. */
export function writeRotationFiles(store: string): void {
  const rotation = readRotation(store) as Kept | undefined;
  if (rotation === undefined) return;
  const { step, kind, roots, places } = rotation;
  rotation.places.forEach(({ place }, i) => {
    const present = loadCaFiles(place);
    const next = loadCaFiles(placeFolder(store, i));
    const signing = step === "distribute" ? present : next;
    const bundle =
      kind === "root" ? bundleAt(store, step, roots, present["root-cert.pem"]) : present["root-cert.pem"];
    writeCaFiles(place, { ...signing, "root-cert.pem": bundle });
  });
  if (step !== "retire") return;
  roots.forEach(({ folder }, i) => {
    const root = readSigningRoot(rootFolder(store, i));
    const isShared = places.some((one) => one.place === folder);
    if (root !== undefined)
      writeRoot(folder, root, isShared ? loadCaFiles(folder)["root-cert.pem"] : undefined);
  });
}

/** Goes on to the next step; undefined when the one under way was the last, and then nothing of the rotation is left. */
export function endStep(store: string): Rotation | undefined {
  const rotation = readRotation(store) as Kept | undefined;
  if (rotation === undefined) return undefined;
  const step = rotation.steps[rotation.steps.indexOf(rotation.step) + 1];
  if (step === undefined) {
    rmSync(store, { recursive: true, force: true });
    return undefined;
  }
  const next = { ...rotation, step };
  writeRecord(store, next);
  return next;
}

/** Whoever believes an old root believes its successor too, from the first step until the last; then the successor alone. */
function bundleAt(store: string, step: RotationStep, roots: Kept["roots"], present: string): string {
  const held = certificatesOf(present);
  const bundle = [...held].flatMap(([fingerprint, pem]) => {
    const index = roots.findIndex(({ replaces }) => replaces === fingerprint);
    const successor = index < 0 ? undefined : readSigningRoot(rootFolder(store, index))?.certificatePem;
    if (successor === undefined) return [pem];
    return step === "retire" ? [successor] : [pem, successor];
  });
  return mergeRoots(bundle);
}

const words: Readonly<Record<RotationKind, string>> = {
  intermediates: "the intermediates",
  root: "the root",
};

function rootFolder(store: string, index: number): string {
  return path.join(store, `root-${index}`);
}

function placeFolder(store: string, index: number): string {
  return path.join(store, `ca-${index}`);
}

/** `bundle`: what root-cert.pem shall hold, when that is more than the root. */
function writeRoot(folder: string, root: Root, bundle = root.certificatePem): void {
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  writeWhole(path.join(folder, "root-key.pem"), root.privateKeyPem, 0o600);
  writeWhole(path.join(folder, "root-cert.pem"), bundle, 0o644);
}

function writeRecord(store: string, rotation: Kept): void {
  writeWhole(path.join(store, recordFile), `${JSON.stringify(rotation, undefined, 2)}\n`, 0o600);
}
