import { loadBuiltInSchema, type SchemaNode, schemaFromCrd } from "../kube/index.ts";
import { createAdmission } from "./admission/create-admission.ts";
import { createWebhookClient } from "./admission/webhook-client.ts";
import { createWebhooks } from "./admission/webhooks.ts";
import { createApiDiscovery } from "./api-discovery/api-discovery.ts";
import { createOpenApi } from "./api-discovery/open-api.ts";
import { createAuthenticator } from "./authentication/authenticate.ts";
import { createServiceAccountTokens } from "./authentication/service-account-tokens.ts";
import { keepAggregatedRoles } from "./authorization/aggregate-roles.ts";
import { createAuthorizer } from "./authorization/authorizer.ts";
import { bootstrap } from "./bootstrap/bootstrap.ts";
import type { ApiServer, ApiServerOptions } from "./contracts.ts";
import { serveDefinitions } from "./custom-resources/serve-definitions.ts";
import { createHandler, type HandlerParts } from "./handler.ts";
import { startHttpServer } from "./http/http-server.ts";
import { inProcessTransport } from "./http/in-process.ts";
import { createRegistry } from "./registry/registry.ts";
import type { ResourceType } from "./registry/resource-type.ts";
import { createRequestMetrics } from "./request-metrics.ts";
import { openStore } from "./storage/store.ts";
import { serviceAddresses } from "./subresources/service-addresses.ts";
import { createUpgradeHandler } from "./upgrade-handler.ts";
import { type CommitHook, type Context, keyOf, timestamp } from "./verbs/context.ts";

const defaultNodePorts = { first: 30_000, last: 32_767 };

/**
 * Starts the API server of one cluster and resolves when it listens. Rejects when the address is taken, when
 * keys or certificates are wrong, and when the change log cannot be read.
 */
export async function startApiServer(options: ApiServerOptions): Promise<ApiServer> {
  const { clock, log, pods } = options;
  const store = openStore(options.changeLog);
  const registry = createRegistry();
  const tokens = createServiceAccountTokens(options.serviceAccountKey);
  const authenticator = createAuthenticator({ store, tokens, clock });
  const authorizer = createAuthorizer(store);
  const client = createWebhookClient({ store, dial: options.dial });
  const webhooks = createWebhooks({ store, registry, client });
  const stopped = new AbortController();

  bootstrap(store, {
    now: timestamp(clock.now()),
    endpoint: options.listen,
    serviceAddress: options.serviceRange.first,
  });
  keepAggregatedRoles(store);
  const hooks = new Map<string, CommitHook>([
    [
      "services",
      serviceAddresses(store, {
        clusterIps: options.serviceRange,
        nodePorts: options.nodePortRange ?? defaultNodePorts,
      }),
    ],
    ["customresourcedefinitions.apiextensions.k8s.io", serveDefinitions({ store, registry, clock })],
  ]);
  const context: Context = {
    store,
    registry,
    admission: createAdmission({
      store,
      registry,
      clock,
      authorizer,
      webhooks,
      plugins: options.admissionPlugins ?? [],
    }),
    hooks,
    clock,
    log,
    schemaOf: createSchemas(),
    ruleContext: (warn) => ({
      now: timestamp(clock.now()),
      find: (resource, name, namespace) => store.resource(resource).get(keyOf(name, namespace)),
      warn,
    }),
  };
  const metrics = createRequestMetrics({
    kubernetesVersion: options.kubernetesVersion,
    startedAt: clock.now(),
    objectCounts: () => [...store.resources].map(([name, { size }]) => [name, size]),
  });
  const parts: HandlerParts = {
    context,
    authenticator,
    authorizer,
    tokens,
    apiDiscovery: createApiDiscovery({
      registry,
      serverAddress: `${options.listen.host}:${options.listen.port}`,
    }),
    openApi: createOpenApi(registry, options.kubernetesVersion),
    pods,
    dial: options.dial,
    kubernetesVersion: options.kubernetesVersion,
    metrics: metrics.text,
  };
  const handle = metrics.counting(createHandler(parts));
  const server = await startHttpServer({
    listen: options.listen,
    tls: options.tls,
    clientCa: options.clientCa,
    authenticator,
    authorizer,
    log,
    handle,
    upgrade: createUpgradeHandler(parts),
  });

  let stopping: Promise<void> | undefined;
  return {
    url: `https://${options.listen.host}:${server.port}`,
    transport: (user) => inProcessTransport(user, { handle, stopped: stopped.signal }),
    signServiceAccountToken: (account, secret) => tokens.issueForSecret(account, secret.name),
    stop() {
      stopping ??= (async () => {
        stopped.abort(new Error("the API server has stopped"));
        client.stop();
        await server.stop();
        options.changeLog?.close?.();
      })();
      return stopping;
    },
  };
}

/** The schema of each resource, found once. */
function createSchemas(): (type: ResourceType) => SchemaNode | undefined {
  const builtIn = new Map<string, SchemaNode | undefined>();
  const custom = new WeakMap<object, SchemaNode>();
  return ({ group, version, kind, custom: definition }) => {
    if (definition !== undefined) {
      const known = custom.get(definition.schema);
      if (known !== undefined) return known;
      const made = schemaFromCrd(definition.schema);
      custom.set(definition.schema, made);
      return made;
    }
    const name = `${group}/${version}/${kind}`;
    if (!builtIn.has(name)) builtIn.set(name, loadBuiltInSchema().forKind(group, version, kind));
    return builtIn.get(name);
  };
}
