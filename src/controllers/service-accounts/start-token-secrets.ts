import { isApiError, kinds, objectKey, type Secret, type ServiceAccount } from "../../kube/index.ts";
import type { ServiceAccountTokenSource } from "../contracts.ts";
import type { Cluster } from "../core/cluster.ts";
import { runReconciler, type StartController } from "../core/controller.ts";
import { splitKey } from "../core/keys.ts";

const tokenType = "kubernetes.io/service-account-token";
const nameAnnotation = "kubernetes.io/service-account.name";
const uidAnnotation = "kubernetes.io/service-account.uid";

/** Fills Secrets of type kubernetes.io/service-account-token, and deletes those whose service account is gone. */
export function tokenSecretsController(apiCa: string, token: ServiceAccountTokenSource): StartController {
  return (cluster) => {
    const secrets = cluster.store(kinds.secrets);
    const accounts = cluster.store(kinds.serviceAccounts);
    return runReconciler(cluster, {
      name: "token-secrets",
      needs: [secrets, accounts],
      wire(queue) {
        secrets.subscribe(({ type, object }) => {
          if (type !== "deleted" && isTokenSecret(object)) queue.add(objectKey(object));
        });
        accounts.subscribe(({ object }) => {
          const { name, namespace } = object.metadata;
          for (const secret of secrets.list(namespace)) {
            if (isTokenSecret(secret) && accountName(secret) === name) queue.add(objectKey(secret));
          }
        });
      },
      reconcile: (id) => reconcileTokenSecret(cluster, id, apiCa, token),
    });
  };
}

async function reconcileTokenSecret(
  cluster: Cluster,
  key: string,
  apiCa: string,
  token: ServiceAccountTokenSource,
): Promise<undefined> {
  const { namespace, name } = splitKey(key);
  const secret = cluster.store(kinds.secrets).get(name, namespace);
  if (secret === undefined || !isTokenSecret(secret) || secret.metadata.deletionTimestamp !== undefined)
    return;
  const account = cluster.store(kinds.serviceAccounts).get(accountName(secret) ?? "", namespace);
  const boundTo = secret.metadata.annotations?.[uidAnnotation];
  if (account === undefined) {
    // One that never had a token may be waiting for its account; the token of an account that is gone must go.
    if (boundTo !== undefined) await cluster.remove(kinds.secrets, secret);
    return;
  }
  const uid = account.metadata.uid ?? "";
  if (boundTo !== undefined && boundTo !== uid) return void (await cluster.remove(kinds.secrets, secret));
  const data = filledData(secret, account, apiCa, token);
  if (data === secret.data && boundTo === uid) return;
  const annotations = { ...secret.metadata.annotations, [uidAnnotation]: uid };
  try {
    await cluster.replace(kinds.secrets, { ...secret, metadata: { ...secret.metadata, annotations }, data });
  } catch (reason) {
    if (!isApiError(reason, 404)) throw reason;
  }
}

/** The Secret's own data when nothing is missing. */
function filledData(
  secret: Secret,
  account: ServiceAccount,
  apiCa: string,
  token: ServiceAccountTokenSource,
) {
  const { namespace = "", name, uid = "" } = secret.metadata;
  const data = secret.data ?? {};
  const ca = base64(apiCa);
  const space = base64(namespace);
  const hasToken = (data["token"] ?? "") !== "";
  if (hasToken && data["ca.crt"] === ca && data["namespace"] === space) return data;
  const owner = { namespace, name: account.metadata.name, uid: account.metadata.uid ?? "" };
  return {
    ...data,
    "ca.crt": ca,
    namespace: space,
    token: hasToken ? (data["token"] ?? "") : base64(token(owner, { name, uid })),
  };
}

function isTokenSecret(secret: Secret): boolean {
  return secret.type === tokenType;
}

function accountName({ metadata }: Secret): string | undefined {
  return metadata.annotations?.[nameAnnotation];
}

function base64(text: string): string {
  return Buffer.from(text).toString("base64");
}
