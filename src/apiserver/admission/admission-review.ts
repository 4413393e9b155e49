import type { KubeObject } from "../../kube/index.ts";
import type { JsonObject } from "../draft.ts";
import type { ResourceType } from "../registry/resource-type.ts";
import { inVersion } from "../storage/in-version.ts";
import type { AdmissionRequest } from "./admission.ts";

/** The request of an AdmissionReview (admission.k8s.io), with the objects in the version of `type`. */
export function reviewOf(
  uid: string,
  request: AdmissionRequest,
  type: ResourceType,
  object: KubeObject | undefined,
): JsonObject {
  const kind = ({ group, version, kind: name }: ResourceType) => ({ group, version, kind: name });
  const resource = ({ group, version, plural }: ResourceType) => ({ group, version, resource: plural });
  const { subresource, namespace, user, old } = request;
  return {
    uid,
    kind: kind(type),
    resource: resource(type),
    ...(subresource === undefined ? {} : { subResource: subresource }),
    requestKind: kind(request.type),
    requestResource: resource(request.type),
    ...(subresource === undefined ? {} : { requestSubResource: subresource }),
    ...(request.name === "" ? {} : { name: request.name }),
    ...(namespace === undefined ? {} : { namespace }),
    operation: request.operation,
    userInfo: {
      username: user.name,
      ...(user.uid === undefined ? {} : { uid: user.uid }),
      groups: user.groups,
      ...(user.extra === undefined ? {} : { extra: user.extra }),
    },
    object: object === undefined ? null : inVersion(type, object),
    oldObject: old === undefined ? null : inVersion(type, old),
    dryRun: request.dryRun,
    options: request.options,
  };
}
