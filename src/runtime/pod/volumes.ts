import type { Container, Pod } from "../../kube/index.ts";
import { podField, resourceField } from "./fields.ts";
import { MissingReference, type PodObjects } from "./pod-objects.ts";
import type { PodTokens } from "./tokens.ts";

/** Files of a volume, by path relative to its root. */
type Files = ReadonlyMap<string, Buffer>;

export interface VolumeSources {
  /** With its addresses in the status. */
  readonly pod: Pod;
  readonly objects: PodObjects;
  readonly tokens: PodTokens;
  readonly allocatable: Readonly<Record<string, string>>;
}

interface KeyToPath {
  readonly key: string;
  readonly path: string;
}

interface DownwardItem {
  readonly path: string;
  readonly fieldRef?: { readonly fieldPath: string };
  readonly resourceFieldRef?: {
    readonly resource: string;
    readonly containerName?: string;
    readonly divisor?: string;
  };
}

interface Source {
  readonly configMap?: {
    readonly name?: string;
    readonly items?: readonly KeyToPath[];
    readonly optional?: boolean;
  };
  /** `secretName` in a volume, `name` in a projection. */
  readonly secret?: {
    readonly secretName?: string;
    readonly name?: string;
    readonly items?: readonly KeyToPath[];
    readonly optional?: boolean;
  };
  readonly downwardAPI?: { readonly items?: readonly DownwardItem[] };
  readonly serviceAccountToken?: {
    readonly audience?: string;
    readonly expirationSeconds?: number;
    readonly path: string;
  };
  readonly projected?: { readonly sources?: readonly Source[] };
}

type Volume = Source & { readonly name: string };

/** The volume that can't be mounted yet, with the reason, or undefined when everything is there. */
export async function missingVolume(
  sources: VolumeSources,
): Promise<{ readonly volume: string; readonly missing: MissingReference } | undefined> {
  for (const volume of volumesOf(sources.pod)) {
    try {
      for (const source of volume.projected?.sources ?? [volume]) {
        // Asking for a token is not needed to know that it can be had.
        if (source.serviceAccountToken === undefined) await readSource(source, sources);
      }
    } catch (reason) {
      if (reason instanceof MissingReference) return { volume: volume.name, missing: reason };
      throw reason;
    }
  }
  return undefined;
}

/** What a container sees at and below `path`, by path relative to it; see ContainerContext.readMount. */
export async function readMounts(container: Container, path: string, sources: VolumeSources): Promise<Files> {
  const wanted = withoutSlash(path);
  const files = new Map<string, Buffer>();
  for (const { name, mountPath, subPath } of container.volumeMounts ?? []) {
    const root = withoutSlash(mountPath);
    if (root !== wanted && !root.startsWith(`${wanted}/`) && !wanted.startsWith(`${root}/`)) continue;
    const volume = volumesOf(sources.pod).find((candidate) => candidate.name === name);
    if (volume === undefined) continue;
    for (const [file, content] of await readVolume(volume, sources)) {
      const place = placeInMount(root, subPath, file);
      if (place === undefined) continue;
      if (place === wanted) files.set(wanted.slice(wanted.lastIndexOf("/") + 1), content);
      else if (place.startsWith(`${wanted}/`)) files.set(place.slice(wanted.length + 1), content);
    }
  }
  return files;
}

function volumesOf(pod: Pod): readonly Volume[] {
  // The API server checked the volumes against the schema; fields that are not in Source are not read.
  return (pod.spec.volumes ?? []) as readonly Volume[];
}

async function readVolume(volume: Volume, sources: VolumeSources): Promise<Files> {
  const parts = await Promise.all(
    (volume.projected?.sources ?? [volume]).map((source) => readSource(source, sources)),
  );
  return new Map(parts.flatMap((files) => [...files]));
}

async function readSource(source: Source, sources: VolumeSources): Promise<Files> {
  const { configMap, secret, downwardAPI, serviceAccountToken } = source;
  if (configMap !== undefined) return readObject("configmap", configMap.name ?? "", configMap, sources);
  if (secret !== undefined)
    return readObject("secret", secret.secretName ?? secret.name ?? "", secret, sources);
  if (downwardAPI !== undefined) {
    return new Map((downwardAPI.items ?? []).map((item) => [item.path, downwardFile(item, sources)]));
  }
  if (serviceAccountToken === undefined) return new Map();
  const { audience = "", expirationSeconds, path } = serviceAccountToken;
  const { token } = await sources.tokens.token(audience, expirationSeconds);
  return new Map([[path, Buffer.from(token)]]);
}

async function readObject(
  kind: "secret" | "configmap",
  name: string,
  { items, optional = false }: { readonly items?: readonly KeyToPath[]; readonly optional?: boolean },
  { pod, objects }: VolumeSources,
): Promise<Files> {
  const found = await objects.values(kind, name, optional);
  if (found === undefined) return new Map();
  if (items === undefined) return found.values;
  const files = new Map<string, Buffer>();
  for (const { key, path } of items) {
    const content = found.values.get(key);
    if (content !== undefined) files.set(path, content);
    else if (!optional) {
      const of = kind === "secret" ? "secret" : "config";
      const message = `references non-existent ${of} key: ${key} of ${pod.metadata.namespace}/${name}`;
      throw new MissingReference(message, found.reference);
    }
  }
  return files;
}

function downwardFile(
  { fieldRef, resourceFieldRef }: DownwardItem,
  { pod, allocatable }: VolumeSources,
): Buffer {
  if (fieldRef !== undefined) return Buffer.from(podField(pod, fieldRef.fieldPath) ?? "");
  const containers = [...pod.spec.containers, ...(pod.spec.initContainers ?? [])];
  const container = containers.find(({ name }) => name === resourceFieldRef?.containerName);
  if (resourceFieldRef === undefined || container === undefined) return Buffer.alloc(0);
  return Buffer.from(
    resourceField(container, resourceFieldRef.resource, resourceFieldRef.divisor, allocatable) ?? "",
  );
}

/** Where a file of the volume shows in the container, when it does. */
function placeInMount(root: string, subPath: string | undefined, file: string): string | undefined {
  if (subPath === undefined || subPath === "") return `${root}/${file}`;
  if (file === subPath) return root;
  return file.startsWith(`${withoutSlash(subPath)}/`)
    ? `${root}/${file.slice(withoutSlash(subPath).length + 1)}`
    : undefined;
}

function withoutSlash(path: string): string {
  return path.endsWith("/") ? path.slice(0, -1) : path;
}
