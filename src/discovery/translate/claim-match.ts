import type { MessageInitShape } from "@bufbuild/protobuf";
import type { MetadataMatcherSchema } from "../../xds/gen/envoy/type/matcher/v3/metadata_pb.js";
import type { StringMatcherSchema } from "../../xds/gen/envoy/type/matcher/v3/string_pb.js";

const prefix = "@request.auth.claims";

/**
 * The claim that a condition on headers means: "@request.auth.claims.group.id" and "@request.auth.claims[group][id]"
 * are the claim "id" in "group" of the request's token. Undefined for real headers.
 */
export function routedClaim(header: string): readonly string[] | undefined {
  if (!header.toLowerCase().startsWith(prefix)) return undefined;
  const rest = header.slice(prefix.length);
  if (rest.startsWith(".") && rest.length > 1) return rest.slice(1).split(".");
  if (rest.startsWith("[") && rest.endsWith("]") && rest.length > 2) return rest.slice(1, -1).split("][");
  return undefined;
}

/** A condition on a claim of a token that was checked before: a text, or a list with such a text in it. */
export function claimMatch(
  claim: readonly string[],
  value: MessageInitShape<typeof StringMatcherSchema>,
  invert: boolean,
): MessageInitShape<typeof MetadataMatcherSchema> {
  const text = { matchPattern: { case: "stringMatch" as const, value } };
  return {
    filter: "envoy.filters.http.jwt_authn",
    path: ["payload", ...claim].map((key) => ({ segment: { case: "key", value: key } })),
    value: {
      matchPattern: {
        case: "orMatch",
        value: {
          valueMatchers: [
            { matchPattern: { case: "listMatch", value: { matchPattern: { case: "oneOf", value: text } } } },
            text,
          ],
        },
      },
    },
    invert,
  };
}
