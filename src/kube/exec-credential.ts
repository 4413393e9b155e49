import { execFile } from "node:child_process";
import path from "node:path";
import { IsthmusError } from "../base/index.ts";
import { accessOf, type KubeAccess, type Kubeconfig } from "./kubeconfig.ts";
import { isJsonObject, type JsonObject } from "./patch/json-value.ts";

/** Plugins may ask a cloud; people wait for them. */
const pluginTimeout = 60_000;
const mostBytes = 1024 * 1024;

/**
 * As accessOf, and runs the credential plugin that a user names (client-go's exec plugins, KEP-541), as EKS, GKE, AKS and
 * OKE have them. Files and relative plugins are looked for from `folder`. Throws also tool/missing for a plugin that is not
 * installed, and cluster/forbidden when it gives no credential, with what it said.
 */
export async function resolveAccess(
  config: Kubeconfig,
  context = config.currentContext,
  options: { readonly folder?: string; readonly signal?: AbortSignal } = {},
): Promise<KubeAccess> {
  const { folder = "." } = options;
  const user = config.users.get(config.contexts.get(context)?.user ?? "");
  const exec = user?.["exec"];
  if (!isJsonObject(exec)) return accessOf(config, context, folder);
  const name = config.contexts.get(context)?.user ?? "";
  const { exec: _exec, ...rest } = user ?? {};
  const access = accessOf({ ...config, users: new Map([...config.users, [name, rest]]) }, context, folder);
  return { ...access, ...(await runPlugin(exec, access, { ...options, folder, user: name })) };
}

interface RunOptions {
  readonly folder: string;
  readonly user: string;
  readonly signal?: AbortSignal;
}

type Credential = Pick<KubeAccess, "token" | "clientCert" | "clientKey">;

async function runPlugin(exec: JsonObject, access: KubeAccess, options: RunOptions): Promise<Credential> {
  const command = String(exec["command"] ?? "");
  const apiVersion = String(exec["apiVersion"] ?? "client.authentication.k8s.io/v1");
  const { server, ca, insecure, serverName } = access;
  const cluster = {
    server,
    ...(ca === undefined ? {} : { "certificate-authority-data": Buffer.from(ca).toString("base64") }),
    ...(insecure === undefined ? {} : { "insecure-skip-tls-verify": insecure }),
    ...(serverName === undefined ? {} : { "tls-server-name": serverName }),
  };
  const asked = {
    kind: "ExecCredential",
    apiVersion,
    spec: { interactive: false, ...(exec["provideClusterInfo"] === true ? { cluster } : {}) },
  };
  const given = Object.fromEntries(
    list(exec["env"])
      .filter(isJsonObject)
      .map(({ name, value }) => [String(name), String(value ?? "")]),
  );
  const text = await run(command.includes("/") ? path.resolve(options.folder, command) : command, {
    ...options,
    args: list(exec["args"]).map(String),
    env: { ...process.env, ...given, KUBERNETES_EXEC_INFO: JSON.stringify(asked) },
    hint: typeof exec["installHint"] === "string" ? exec["installHint"].trim() : undefined,
  });
  const status = statusOf(text);
  const field = (name: string) => {
    const value = status?.[name];
    return typeof value === "string" && value !== "" ? value : undefined;
  };
  const [token, clientCert, clientKey] = [
    field("token"),
    field("clientCertificateData"),
    field("clientKeyData"),
  ];
  if (token === undefined && (clientCert === undefined || clientKey === undefined))
    throw refused(command, options.user, "it printed no token and no certificate");
  return {
    ...(token === undefined ? {} : { token }),
    ...(clientCert === undefined || clientKey === undefined ? {} : { clientCert, clientKey }),
  };
}

function run(
  command: string,
  options: RunOptions & {
    readonly args: readonly string[];
    readonly env: NodeJS.ProcessEnv;
    readonly hint: string | undefined;
  },
): Promise<string> {
  const { args, env, hint, user, signal } = options;
  return new Promise((resolve, reject) => {
    const child = execFile(
      command,
      [...args],
      { env, timeout: pluginTimeout, maxBuffer: mostBytes, ...(signal === undefined ? {} : { signal }) },
      (failure, stdout, stderr) => {
        if (failure === null) return resolve(stdout);
        if (signal?.aborted) return reject(signal.reason);
        if ((failure as NodeJS.ErrnoException).code === "ENOENT")
          return reject(
            new IsthmusError(
              "tool/missing",
              `the credential plugin "${command}" of user "${user}" is not installed`,
              { nextStep: hint ?? `Install ${command}, or name a kubeconfig that needs no plugin.` },
            ),
          );
        const said = stderr.trim().split("\n").at(-1);
        const why = failure.killed === true ? "it took more than 60 s" : said || failure.message;
        reject(refused(command, user, why));
      },
    );
    child.stdin?.end();
  });
}

function statusOf(text: string): JsonObject | undefined {
  try {
    const value: unknown = JSON.parse(text);
    const status = isJsonObject(value) ? value["status"] : undefined;
    return isJsonObject(status) ? status : undefined;
  } catch {
    return undefined;
  }
}

function list(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [];
}

function refused(command: string, user: string, why: string): IsthmusError {
  return new IsthmusError(
    "cluster/forbidden",
    `the credential plugin "${command}" gives user "${user}" no credential: ${why}`,
    { nextStep: "Log in with the provider's own tool, then try again." },
  );
}
