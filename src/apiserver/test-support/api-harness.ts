import assert from "node:assert/strict";
import { afterAll, beforeAll } from "vitest";
import {
  type ApiError,
  type ApiRequest,
  type ApiResponse,
  createKubeClient,
  type KubeClient,
  type KubeObject,
  kinds,
  type Status,
} from "../../kube/index.ts";
import type { ApiServerOptions } from "../contracts.ts";
import { startTestServer, type TestServer } from "./start-test-server.ts";

/** One API server for the tests of a file, and short ways to talk to it as an administrator. */
export interface ApiHarness {
  readonly server: TestServer;
  readonly client: KubeClient;
  /** A namespace with its default service account. */
  freshNamespace(): Promise<string>;
  /** A raw request in process. */
  send(request: Partial<ApiRequest> & { readonly path: string }, signal?: AbortSignal): Promise<ApiResponse>;
}

/** Starts a server before the tests of the calling file and stops it after them. */
export function useApiServer(options: Partial<ApiServerOptions> = {}): ApiHarness {
  let server: TestServer | undefined;
  let client: KubeClient | undefined;
  let count = 0;
  beforeAll(async () => {
    server = await startTestServer(options);
    client = createKubeClient(server.api.transport({ name: "test", groups: ["system:masters"] }));
  });
  afterAll(() => server?.api.stop());

  const running = <T>(value: T | undefined): T => {
    assert.ok(value !== undefined, "the server has not started");
    return value;
  };
  return {
    get server() {
      return running(server);
    },
    get client() {
      return running(client);
    },
    async freshNamespace() {
      const name = `ns-${count++}`;
      const namespace = { apiVersion: "v1", kind: "Namespace", metadata: { name } };
      await running(client).create(kinds.namespaces, namespace);
      const metadata = { name: "default", namespace: name };
      await running(client).create(kinds.serviceAccounts, {
        apiVersion: "v1",
        kind: "ServiceAccount",
        metadata,
      });
      return name;
    },
    send: (request, signal) =>
      running(client).transport.send(
        {
          method: "GET",
          query: new URLSearchParams(),
          headers: { "content-type": "application/json" },
          ...request,
        },
        signal,
      ),
  };
}

/** A ConfigMap, the simplest of objects. */
export function configMap(
  namespace: string,
  name: string,
  content: Readonly<Record<string, string>> = {},
): KubeObject {
  return { apiVersion: "v1", kind: "ConfigMap", metadata: { name, namespace }, data: content };
}

/** The Status with which a request is refused; fails when it is not. */
export async function refusalOf(work: Promise<unknown>): Promise<Status> {
  try {
    await work;
  } catch (reason) {
    return (reason as ApiError).status;
  }
  assert.fail("the request was not refused");
}
