import { accessSync, constants, existsSync, realpathSync } from "node:fs";
import { homedir } from "node:os";
import path from "node:path";

/** The path of a program on PATH, or undefined. */
export function findProgram(name: string): string | undefined {
  for (const folder of (process.env["PATH"] ?? "").split(":")) {
    const candidate = path.join(folder, name);
    try {
      accessSync(candidate, constants.X_OK);
      return candidate;
    } catch {
      // Not in this folder.
    }
  }
  return undefined;
}

/** One kubectl that tests can run. */
export interface Kubectl {
  /** "1.33", or "default" for the one on PATH. */
  readonly version: string;
  readonly path: string;
}

/** The kubectls of this machine: the one on PATH, and versioned ones beside it or beside gcloud's real file. */
export function findKubectls(): readonly Kubectl[] {
  const found: Kubectl[] = [];
  const onPath = findProgram("kubectl");
  const gcloud = findProgram("gcloud");
  const folders = [onPath, gcloud].flatMap((program) =>
    program === undefined ? [] : [path.dirname(realpathSync(program))],
  );
  for (const version of ["1.27", "1.28", "1.29", "1.30", "1.31", "1.32", "1.33"]) {
    const file = folders
      .map((folder) => path.join(folder, `kubectl.${version}`))
      .find((candidate) => existsSync(candidate));
    if (file !== undefined) found.push({ version, path: file });
  }
  if (onPath !== undefined) found.push({ version: "default", path: onPath });
  return found;
}

/** istioctl from ISTIOCTL, PATH, or the folder that `go install` fills. */
export function findIstioctl(): string | undefined {
  const named = process.env["ISTIOCTL"];
  const installed = path.join(process.env["GOPATH"] ?? path.join(homedir(), "go"), "bin/istioctl");
  return [named, findProgram("istioctl"), installed].find((file) => file !== undefined && existsSync(file));
}

/** Envoy from ENVOY_PATH or PATH. */
export function findEnvoy(): string | undefined {
  const named = process.env["ENVOY_PATH"];
  return named !== undefined && existsSync(named) ? named : findProgram("envoy");
}

/** Prometheus from PROMETHEUS_PATH or PATH. */
export function findPrometheus(): string | undefined {
  const named = process.env["PROMETHEUS_PATH"];
  return named !== undefined && existsSync(named) ? named : findProgram("prometheus");
}

/** Kiali's server from KIALI_PATH or PATH. Built without its pages it will do. */
export function findKiali(): string | undefined {
  const named = process.env["KIALI_PATH"];
  return named !== undefined && existsSync(named) ? named : findProgram("kiali");
}

/** helm from HELM_PATH, PATH, or the folder that `go install` fills. */
export function findHelm(): string | undefined {
  const named = process.env["HELM_PATH"];
  const installed = path.join(process.env["GOPATH"] ?? path.join(homedir(), "go"), "bin/helm");
  return [named, findProgram("helm"), installed].find((file) => file !== undefined && existsSync(file));
}

/** Chromium from CHROMIUM_PATH or PATH, under any of its names. */
export function findChromium(): string | undefined {
  const named = process.env["CHROMIUM_PATH"];
  if (named !== undefined && existsSync(named)) return named;
  return ["chromium", "chromium-browser", "google-chrome", "google-chrome-stable"]
    .map(findProgram)
    .find((file) => file !== undefined);
}
