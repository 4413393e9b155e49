import { readFile } from "node:fs/promises";
import path from "node:path";
import { rootCertificates } from "node:tls";
import { create, type MessageInitShape } from "@bufbuild/protobuf";
import type { Clock } from "../../base/index.ts";
import type { CertificateValidationContextSchema } from "../../xds/gen/envoy/extensions/transport_sockets/tls/v3/common_pb.js";
import {
  type Secret,
  SecretSchema,
} from "../../xds/gen/envoy/extensions/transport_sockets/tls/v3/secret_pb.js";
import type { AgentSecrets } from "./contracts.ts";

export interface FileSecretsOptions {
  /** Content of a file as the container sees it; undefined where no volume is mounted or the file is missing. */
  read(file: string): Promise<Buffer | undefined>;
  readonly clock: Clock;
  readonly signal: AbortSignal;
}

/** How often files are looked at again, as a kubelet would bring them. */
const interval = 5_000;
/** More than rules of one mesh name; each is read again and again. */
const mostNames = 1000;
const prefix = { certificate: "file-cert:", root: "file-root:", revoked: "file-crl:" };
const systemRoots = "file-root:system";
/** Where distributions keep the roots that they trust. */
const systemFiles = [
  "/etc/ssl/certs/ca-certificates.crt",
  "/etc/pki/tls/certs/ca-bundle.crt",
  "/etc/ssl/cert.pem",
];

/**
 * Adds to `secrets` those that rules name by files of the container, as Istio does: "file-cert:CHAIN~KEY",
 * "file-root:BUNDLE", and "file-root:system" for what this machine trusts; "file-crl:LISTS" is the built-in proxy's
 * name for the file of a validation context's crl. Only mounted volumes are read. Files are
 * read when somebody asks for the first time and kept up to date from then on.
 */
export function withFileSecrets(secrets: AgentSecrets, options: FileSecretsOptions): AgentSecrets {
  const { clock, signal } = options;
  const known = new Map<string, Secret | undefined>();
  const listeners = new Map<string, Set<() => void>>();

  const load = async (name: string) => {
    const secret = await readSecret(name, options.read).catch(() => undefined);
    if (signal.aborted) return;
    if (secret !== undefined && !isSame(known.get(name), secret)) {
      known.set(name, secret);
      for (const listener of [...(listeners.get(name) ?? [])]) listener();
    }
    if (name !== systemRoots || secret === undefined) clock.after(interval, () => void load(name));
  };
  const ask = (name: string) => {
    if (known.has(name) || known.size >= mostNames) return;
    known.set(name, undefined);
    void load(name);
  };
  const isFile = (name: string) => Object.values(prefix).some((start) => name.startsWith(start));
  return {
    get(name) {
      if (!isFile(name)) return secrets.get(name);
      ask(name);
      return known.get(name);
    },
    onChange(name, listener, until) {
      if (!isFile(name)) return secrets.onChange(name, listener, until);
      const own = listeners.get(name) ?? new Set();
      listeners.set(name, own.add(listener));
      until.addEventListener("abort", () => own.delete(listener), { once: true });
      ask(name);
    },
  };
}

async function readSecret(name: string, read: FileSecretsOptions["read"]): Promise<Secret | undefined> {
  if (name === systemRoots) return rootSecret(name, await readSystemRoots());
  if (name.startsWith(prefix.root)) {
    const bundle = await read(name.slice(prefix.root.length));
    return bundle === undefined ? undefined : rootSecret(name, bundle);
  }
  if (name.startsWith(prefix.revoked)) {
    const lists = await read(name.slice(prefix.revoked.length));
    return lists === undefined ? undefined : validationSecret(name, { crl: inline(lists) });
  }
  const [chainFile = "", keyFile = ""] = name.slice(prefix.certificate.length).split("~");
  const [chain, key] = [await read(chainFile), await read(keyFile)];
  if (chain === undefined || key === undefined) return undefined;
  return create(SecretSchema, {
    name,
    type: { case: "tlsCertificate", value: { certificateChain: inline(chain), privateKey: inline(key) } },
  });
}

async function readSystemRoots(): Promise<Buffer> {
  for (const file of [process.env["SSL_CERT_FILE"], ...systemFiles]) {
    const content = file === undefined ? undefined : await readFile(file).catch(() => undefined);
    if (content !== undefined && content.length > 0) return content;
  }
  return Buffer.from(rootCertificates.join("\n"));
}

function rootSecret(name: string, bundle: Buffer): Secret {
  return validationSecret(name, { trustedCa: inline(bundle) });
}

function validationSecret(
  name: string,
  value: MessageInitShape<typeof CertificateValidationContextSchema>,
): Secret {
  return create(SecretSchema, { name, type: { case: "validationContext", value } });
}

function inline(content: Buffer) {
  return { specifier: { case: "inlineBytes" as const, value: content } };
}

function isSame(a: Secret | undefined, b: Secret): boolean {
  return a !== undefined && JSON.stringify(parts(a)) === JSON.stringify(parts(b));
}

function parts({ type }: Secret): readonly string[] {
  const sources =
    type.case === "tlsCertificate"
      ? [type.value.certificateChain, type.value.privateKey]
      : type.case === "validationContext"
        ? [type.value.trustedCa, type.value.crl]
        : [];
  return sources.map((source) =>
    source?.specifier.case === "inlineBytes" ? Buffer.from(source.specifier.value).toString("latin1") : "",
  );
}

/** Reads one file of a container through its mounts, which are given by folder. */
export async function readMounted(
  readMount: (folder: string) => Promise<ReadonlyMap<string, Buffer>>,
  file: string,
): Promise<Buffer | undefined> {
  return (await readMount(path.posix.dirname(file))).get(path.posix.basename(file));
}
