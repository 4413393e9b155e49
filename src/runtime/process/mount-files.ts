import { chmod, mkdir, rm, symlink, writeFile } from "node:fs/promises";
import path from "node:path";
import type { Container } from "../../kube/index.ts";

/**
 * Writes the content of a container's mounts as real files below `root` (mount /etc/x is root/etc/x), for
 * programs of the host. Volumes that are `folders` (emptyDir, claims), by name, become links to them. Only the engine's
 * user can read what is written.
 */
export async function writeMounts(
  container: Container,
  root: string,
  options: {
    readonly folders: ReadonlyMap<string, string>;
    readMount(mountPath: string): Promise<ReadonlyMap<string, Buffer>>;
  },
): Promise<void> {
  await mkdir(root, { recursive: true, mode: 0o700 });
  for (const { name, mountPath, subPath = "" } of container.volumeMounts ?? []) {
    const place = below(root, mountPath);
    await mkdir(path.dirname(place), { recursive: true, mode: 0o700 });
    const folder = options.folders.get(name);
    if (folder !== undefined) {
      const target = below(folder, subPath);
      await mkdir(target, { recursive: true, mode: 0o700 });
      await rm(place, { recursive: true, force: true });
      await symlink(target, place);
      continue;
    }
    const files = await options.readMount(mountPath);
    const isFile = subPath !== "" && files.size === 1 && files.has(path.basename(mountPath));
    for (const [file, content] of files) {
      const target = isFile ? place : below(place, file);
      await mkdir(path.dirname(target), { recursive: true, mode: 0o700 });
      await writeFile(target, content, { mode: 0o600 });
      await chmod(target, 0o600);
    }
    if (files.size === 0) await mkdir(place, { recursive: true, mode: 0o700 });
  }
}

/** The argument with a mount's path, when it is one, turned into the path of the real file below `root`. */
export function realPath(argument: string, container: Container, root: string): string {
  const mount = container.volumeMounts?.find(
    ({ mountPath }) =>
      argument === mountPath || argument.startsWith(mountPath.endsWith("/") ? mountPath : `${mountPath}/`),
  );
  return mount === undefined ? argument : below(root, argument);
}

/** `place` inside `folder`, never above it whatever ".." it has. */
function below(folder: string, place: string): string {
  return path.join(folder, path.posix.normalize(`/${place}`));
}
