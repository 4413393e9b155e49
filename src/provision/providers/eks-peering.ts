import type { ClusterToProvision } from "../contracts.ts";

/** Where the script of two neighbours is written: once for both. */
export function peeringFile(one: ClusterToProvision, other: ClusterToProvision): string {
  const [first, second] = inOrder(one, other);
  return `${first.cluster.name}/connect-${second.cluster.name}.sh`;
}

/**
 * A script for the aws tool that connects the VPCs of two clusters of one account: a peering, routes in every route table of
 * both, and their security groups. It may be run again.
 */
export function peeringScript(one: ClusterToProvision, other: ClusterToProvision): string {
  const [first, second] = inOrder(one, other);
  return `#!/bin/sh
# Written by isthmus provision: lets the pods of ${first.cluster.name} and ${second.cluster.name} reach each other. Run it when both clusters are there.
set -eu

vpc_of() { aws eks describe-cluster --name "$1" --region "$2" --query cluster.resourcesVpcConfig.vpcId --output text; }
group_of() { aws eks describe-cluster --name "$1" --region "$2" --query cluster.resourcesVpcConfig.clusterSecurityGroupId --output text; }
one=$(vpc_of ${first.cloudName} ${first.cluster.region})
other=$(vpc_of ${second.cloudName} ${second.cluster.region})

peering=$(aws ec2 describe-vpc-peering-connections --region ${first.cluster.region} \\
  --filters "Name=requester-vpc-info.vpc-id,Values=$one" "Name=accepter-vpc-info.vpc-id,Values=$other" Name=status-code,Values=active,pending-acceptance \\
  --query 'VpcPeeringConnections[0].VpcPeeringConnectionId' --output text)
if [ "$peering" = None ]; then
  peering=$(aws ec2 create-vpc-peering-connection --region ${first.cluster.region} --vpc-id "$one" --peer-vpc-id "$other" --peer-region ${second.cluster.region} \\
    --query VpcPeeringConnection.VpcPeeringConnectionId --output text)
fi
aws ec2 wait vpc-peering-connection-exists --region ${second.cluster.region} --vpc-peering-connection-ids "$peering"
aws ec2 accept-vpc-peering-connection --region ${second.cluster.region} --vpc-peering-connection-id "$peering" --output text > /dev/null

# VPC, region, security group, range of the other one.
connect() {
  for table in $(aws ec2 describe-route-tables --region "$2" --filters "Name=vpc-id,Values=$1" --query 'RouteTables[].RouteTableId' --output text); do
    route="--region $2 --route-table-id $table --destination-cidr-block $4 --vpc-peering-connection-id $peering"
    # One that is there already is replaced.
    aws ec2 create-route $route > /dev/null 2>&1 || aws ec2 replace-route $route > /dev/null
  done
  # A rule that is there already is refused, and that is as well.
  aws ec2 authorize-security-group-ingress --region "$2" --group-id "$3" --ip-permissions "IpProtocol=-1,IpRanges=[{CidrIp=$4}]" > /dev/null || true
}
connect "$one" ${first.cluster.region} "$(group_of ${first.cloudName} ${first.cluster.region})" ${second.ranges.nodes}
connect "$other" ${second.cluster.region} "$(group_of ${second.cloudName} ${second.cluster.region})" ${first.ranges.nodes}
`;
}

function inOrder(
  one: ClusterToProvision,
  other: ClusterToProvision,
): readonly [ClusterToProvision, ClusterToProvision] {
  return one.cluster.name < other.cluster.name ? [one, other] : [other, one];
}
