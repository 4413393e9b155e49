import assert from "node:assert/strict";
import { suite, test } from "vitest";
import type { KubeObject } from "../kube/index.ts";
import { lastApplied, writtenForm } from "./written-form.ts";

const deployment = (metadata: object, spec: object): KubeObject => ({
  apiVersion: "apps/v1",
  kind: "Deployment",
  metadata: { name: "web", namespace: "shop", uid: "u", resourceVersion: "7", generation: 2, ...metadata },
  spec,
  status: { replicas: 3 },
});
const filledIn = {
  replicas: 3,
  progressDeadlineSeconds: 600,
  revisionHistoryLimit: 10,
  strategy: { type: "RollingUpdate", rollingUpdate: { maxSurge: "25%", maxUnavailable: "25%" } },
  selector: { matchLabels: { app: "web" } },
  template: {
    metadata: { creationTimestamp: null, labels: { app: "web" } },
    spec: {
      dnsPolicy: "ClusterFirst",
      restartPolicy: "Always",
      schedulerName: "default-scheduler",
      securityContext: {},
      terminationGracePeriodSeconds: 30,
      containers: [
        {
          name: "app",
          image: "web:2",
          resources: {},
          terminationMessagePath: "/dev/termination-log",
          terminationMessagePolicy: "File",
          imagePullPolicy: "Always",
        },
      ],
    },
  },
};

suite("an object as it was written", () => {
  test("what kubectl applied gives the fields, the cluster gives their values", () => {
    const written = {
      apiVersion: "apps/v1",
      kind: "Deployment",
      metadata: { name: "web", annotations: {}, labels: { app: "web" } },
      spec: {
        replicas: 1,
        selector: { matchLabels: { app: "web" } },
        template: {
          metadata: { labels: { app: "web" } },
          spec: { containers: [{ name: "app", image: "web:1" }] },
        },
      },
    };
    const live = deployment(
      {
        labels: { app: "web" },
        annotations: { [lastApplied]: JSON.stringify(written), "team.example": "a" },
      },
      filledIn,
    );
    assert.deepEqual(writtenForm(live), {
      apiVersion: "apps/v1",
      kind: "Deployment",
      metadata: { name: "web", namespace: "shop", labels: { app: "web" } },
      spec: {
        replicas: 3,
        selector: { matchLabels: { app: "web" } },
        template: {
          metadata: { labels: { app: "web" } },
          spec: { containers: [{ name: "app", image: "web:2" }] },
        },
      },
    });
  });

  test("fields of a server-side apply are taken out of what is there, items of lists by their keys", () => {
    const managedFields = [
      {
        manager: "isthmus",
        operation: "Apply",
        fieldsV1: {
          "f:metadata": { "f:labels": { "f:app": {} }, "f:annotations": { "f:isthmus.dev/from": {} } },
          "f:spec": {
            "f:replicas": {},
            "f:template": {
              "f:spec": {
                "f:containers": { 'k:{"name":"app"}': { ".": {}, "f:name": {}, "f:image": {} } },
              },
            },
          },
        },
      },
      {
        manager: "kubelet",
        operation: "Update",
        fieldsV1: { "f:spec": { "f:progressDeadlineSeconds": {} } },
      },
    ];
    const live = deployment(
      {
        labels: { app: "web", other: "x" },
        annotations: { "isthmus.dev/from": "manifests[0]" },
        managedFields,
      },
      filledIn,
    );
    assert.deepEqual(writtenForm(live), {
      apiVersion: "apps/v1",
      kind: "Deployment",
      metadata: { name: "web", namespace: "shop", labels: { app: "web" } },
      spec: { replicas: 3, template: { spec: { containers: [{ name: "app", image: "web:2" }] } } },
    });
  });

  test("without either, what API servers fill in is left out, and addresses that a cluster gave", () => {
    assert.deepEqual(writtenForm(deployment({}, filledIn))["spec"], {
      replicas: 3,
      selector: { matchLabels: { app: "web" } },
      template: {
        metadata: { labels: { app: "web" } },
        spec: { containers: [{ name: "app", image: "web:2", imagePullPolicy: "Always" }] },
      },
    });
    const service = (clusterIP: string): KubeObject => ({
      apiVersion: "v1",
      kind: "Service",
      metadata: { name: "web" },
      spec: {
        ...{ type: "ClusterIP", clusterIP, clusterIPs: [clusterIP], ipFamilies: ["IPv4"] },
        ...{ sessionAffinity: "None", internalTrafficPolicy: "Cluster", ipFamilyPolicy: "SingleStack" },
        ports: [{ port: 80 }],
      },
    });
    assert.deepEqual(writtenForm(service("10.96.0.1"))["spec"], { ports: [{ port: 80 }] });
    assert.deepEqual(writtenForm(service("None"))["spec"], { ports: [{ port: 80 }], clusterIP: "None" });
  });
});
