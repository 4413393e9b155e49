import type { MessageInitShape } from "@bufbuild/protobuf";
import {
  HeaderValueOption_HeaderAppendAction,
  type HeaderValueOptionSchema,
} from "../../xds/gen/envoy/config/core/v3/base_pb.js";
import type { Headers } from "./config-types.ts";

type HeaderOption = MessageInitShape<typeof HeaderValueOptionSchema>;

/** Changes of headers on the way there and back, as routes and weighted clusters have them. */
export interface HeaderOperations {
  readonly requestAdd: readonly HeaderOption[];
  readonly requestRemove: readonly string[];
  readonly responseAdd: readonly HeaderOption[];
  readonly responseRemove: readonly string[];
  /** What a rule sets as the request's host, which is no header among others; "" when it doesn't. */
  readonly authority: string;
}

const noOperations: HeaderOperations = {
  requestAdd: [],
  requestRemove: [],
  responseAdd: [],
  responseRemove: [],
  authority: "",
};
const isAuthority = (name: string) => [":authority", "host"].includes(name.toLowerCase());
const isInternal = (name: string) => name.startsWith(":") || name.toLowerCase() === "host";

/** A rule's changes of headers, what is set before what is added. */
export function headerOperations(headers: Headers | undefined): HeaderOperations {
  if (headers === undefined) return noOperations;
  const { request, response } = headers;
  const append = HeaderValueOption_HeaderAppendAction;
  const options = (
    values: Readonly<Record<string, string>> = {},
    appendAction: HeaderValueOption_HeaderAppendAction,
  ) =>
    Object.entries(values)
      .filter(([name]) => !isInternal(name))
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([key, value]): HeaderOption => ({ header: { key, value }, appendAction }));
  const authority = (values: Readonly<Record<string, string>> = {}) =>
    Object.entries(values).find(([name]) => isAuthority(name))?.[1];
  return {
    requestAdd: [
      ...options(request?.set, append.OVERWRITE_IF_EXISTS_OR_ADD),
      ...options(request?.add, append.APPEND_IF_EXISTS_OR_ADD),
    ],
    requestRemove: (request?.remove ?? []).filter((name) => !isInternal(name)),
    responseAdd: [
      ...options(response?.set, append.OVERWRITE_IF_EXISTS_OR_ADD),
      ...options(response?.add, append.APPEND_IF_EXISTS_OR_ADD),
    ],
    responseRemove: (response?.remove ?? []).filter((name) => !isInternal(name)),
    authority: authority(request?.set) ?? authority(request?.add) ?? "",
  };
}

/** The fields of a route or a weighted cluster that hold the changes, in this order. */
export function routeHeaders(...all: readonly (HeaderOperations | undefined)[]) {
  const made = all.filter((operations) => operations !== undefined);
  return {
    requestHeadersToAdd: made.flatMap(({ requestAdd }) => requestAdd),
    requestHeadersToRemove: made.flatMap(({ requestRemove }) => requestRemove),
    responseHeadersToAdd: made.flatMap(({ responseAdd }) => responseAdd),
    responseHeadersToRemove: made.flatMap(({ responseRemove }) => responseRemove),
  };
}
