import type { Case } from "../case.ts";
import { to, virtualService } from "./objects.ts";

/** gRPC: its trailers, its deadlines, and how its callers hear of failures. */
export const grpcCases: readonly Case[] = [
  {
    name: "gRPC keeps its trailers",
    proxy: "client",
    apps: {
      g: [
        {
          headers: { "content-type": "application/grpc" },
          body: "reply",
          trailers: { "grpc-status": "5", "grpc-message": "not here" },
        },
      ],
    },
    steps: [
      {
        ask: "POST grpc/pkg.Service/Method",
        http2: true,
        body: "request",
        headers: { "content-type": "application/grpc", te: "trailers" },
        answer: {
          status: 200,
          body: "reply",
          app: "g",
          trailers: { "grpc-status": "5", "grpc-message": "not here" },
          seen: { body: "request", headers: { te: "trailers" } },
          log: { grpc: "NotFound" },
        },
      },
    ],
  },
  {
    name: "a gRPC answer of trailers alone stays one",
    proxy: "client",
    apps: { g: [{ headers: { "content-type": "application/grpc", "grpc-status": "12" }, body: "" }] },
    steps: [
      {
        ask: "POST grpc/a.B/C",
        http2: true,
        body: "x",
        headers: { "content-type": "application/grpc", te: "trailers" },
        answer: { status: 200, body: "", headers: { "grpc-status": "12" }, log: { grpc: "Unimplemented" } },
      },
    ],
  },
  {
    name: "a gRPC caller hears of failures as gRPC statuses",
    proxy: "client",
    objects: virtualService(
      "grpc",
      "[{match: [{uri: {prefix: /known}}], route: [{destination: {host: empty}}]}]",
    ),
    steps: [
      {
        ask: "POST grpc/known",
        http2: true,
        body: "x",
        headers: { "content-type": "application/grpc", te: "trailers" },
        answer: {
          status: 200,
          app: "",
          flags: "UH",
          headers: {
            "grpc-status": "14",
            "grpc-message": "no healthy upstream",
            "content-type": "application/grpc",
          },
        },
      },
      {
        ask: "POST grpc/other",
        http2: true,
        body: "x",
        headers: { "content-type": "application/grpc", te: "trailers" },
        answer: { status: 200, app: "", flags: "NR", headers: { "grpc-status": "12" } },
      },
    ],
  },
  {
    name: "a gRPC deadline shortens the route's timeout",
    proxy: "client",
    apps: { g: ["hang"] },
    objects: virtualService("grpc", `[${to("grpc", "timeout: 3s")}]`),
    steps: [
      {
        ask: "POST grpc/a.B/C",
        http2: true,
        body: "x",
        headers: { "content-type": "application/grpc", te: "trailers", "grpc-timeout": "400m" },
        answer: {
          status: 200,
          app: "g",
          flags: "UT",
          headers: { "grpc-status": /^(4|14)$/ },
          took: [390, 2500],
        },
      },
    ],
  },
];
