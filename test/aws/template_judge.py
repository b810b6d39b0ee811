"""Judges of deploy/cloudformation/facefleet.yaml and of what `facefleet aws` does: cfn-lint, PyYAML, boto3 on a moto.

template_judge.py lint TEMPLATE
template_judge.py read TEMPLATE
template_judge.py create TEMPLATE ENDPOINT PREFIX PARAMETERS
template_judge.py left ENDPOINT PREFIX
"""

import base64
import json
import os
import subprocess
import sys

import boto3
import yaml


def lint(template):
    """Every finding, informational ones included."""
    command = [os.path.join(os.path.dirname(sys.executable), "cfn-lint"), "--include-checks", "I", "--format", "json"]
    regions = ["--regions", "us-east-1", "eu-central-1"]
    found = subprocess.run([*command, "--template", template, *regions], capture_output=True, text=True)
    if found.returncode not in (0, 2, 4, 6, 8, 10, 12, 14):
        raise SystemExit(found.stderr)
    return [f"{one['Rule']['Id']} {one['Message']}" for one in json.loads(found.stdout)]


class Loader(yaml.SafeLoader):
    """Reads `!GetAtt A.B` as {"GetAtt": "A.B"}."""


def short_form(loader, suffix, node):
    if isinstance(node, yaml.ScalarNode):
        return {suffix: loader.construct_scalar(node)}
    if isinstance(node, yaml.SequenceNode):
        return {suffix: loader.construct_sequence(node, deep=True)}
    return {suffix: loader.construct_mapping(node, deep=True)}


Loader.add_multi_constructor("!", short_form)


def read(template):
    with open(template) as file:
        text = file.read()
    if any(isinstance(token, (yaml.AnchorToken, yaml.AliasToken)) for token in yaml.scan(text)):
        raise SystemExit("CloudFormation knows no anchors")
    return yaml.load(text, Loader)


def client(endpoint, service):
    keys = {"aws_access_key_id": "test", "aws_secret_access_key": "test-secret"}
    return boto3.client(service, endpoint_url=endpoint, region_name="us-east-1", **keys)


def create(template, endpoint, prefix, parameters):
    """Creates a stack in the default network and tells what there is then."""
    ec2, cfn, s3, sqs = [client(endpoint, name) for name in ("ec2", "cloudformation", "s3", "sqs")]
    vpc = ec2.describe_vpcs(Filters=[{"Name": "is-default", "Values": ["true"]}])["Vpcs"][0]["VpcId"]
    subnets = [one["SubnetId"] for one in ec2.describe_subnets()["Subnets"]][:2]
    given = {"Prefix": prefix, "VpcId": vpc, "Subnets": ",".join(subnets), **json.loads(parameters)}
    with open(template) as file:
        cfn.create_stack(
            StackName=prefix,
            TemplateBody=file.read(),
            Capabilities=["CAPABILITY_IAM"],
            Parameters=[{"ParameterKey": key, "ParameterValue": value} for key, value in given.items()],
        )
    stack = cfn.describe_stacks(StackName=prefix)["Stacks"][0]

    def queue(name):
        url = sqs.get_queue_url(QueueName=f"{prefix}-{name}")["QueueUrl"]
        return sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["All"])["Attributes"]

    ours = [{"Name": "tag:facefleet:fleet", "Values": [prefix]}]
    groups = ec2.describe_instances(Filters=ours)["Reservations"]
    versions = ec2.describe_launch_template_versions(LaunchTemplateName=f"{prefix}-app-tier")
    data = versions["LaunchTemplateVersions"][-1]["LaunchTemplateData"]
    return {
        "status": stack["StackStatus"],
        "outputs": {one["OutputKey"]: one["OutputValue"] for one in stack.get("Outputs", [])},
        "buckets": buckets(s3, prefix),
        "requests": queue("req-queue"),
        "responses": queue("resp-queue"),
        "dead": queue("dead-queue"),
        "instances": [
            {tag["Key"]: tag["Value"] for tag in one["Tags"]} for group in groups for one in group["Instances"]
        ],
        "template": {key: value for key, value in data.items() if key != "UserData"},
        "userData": base64.b64decode(data["UserData"]).decode(),
    }


def buckets(s3, prefix):
    return sorted(one["Name"] for one in s3.list_buckets()["Buckets"] if one["Name"].startswith(f"{prefix}-"))


def left(endpoint, prefix):
    """Whatever still bears the prefix."""
    queues = client(endpoint, "sqs").list_queues(QueueNamePrefix=f"{prefix}-").get("QueueUrls", [])
    secrets = client(endpoint, "ssm").describe_parameters()["Parameters"]
    return [
        *buckets(client(endpoint, "s3"), prefix),
        *queues,
        *[one["Name"] for one in secrets if f"/{prefix}/" in one["Name"]],
    ]


verb, *words = sys.argv[1:]
print(json.dumps({"lint": lint, "read": read, "create": create, "left": left}[verb](*words), default=str))
