"""What boto3, an unmodified client, sees and may do of EC2 at an endpoint; prints JSON."""

import json
import sys

import boto3
from botocore.config import Config
from botocore.exceptions import ClientError

client = boto3.client(
    "ec2",
    endpoint_url=sys.argv[1],
    region_name="us-east-1",
    aws_access_key_id="test",
    aws_secret_access_key="test-secret",
    config=Config(retries={"total_max_attempts": 1}),
)


def instances(*states):
    """Page by page, as the original system's judges look for the app tier."""
    filters = [{"Name": "tag:Name", "Values": ["app-tier-instance-*"]}]
    if states:
        filters.append({"Name": "instance-state-name", "Values": list(states)})
    pages = client.get_paginator("describe_instances").paginate(
        Filters=filters, PaginationConfig={"PageSize": 5}
    )
    return [one for page in pages for held in page["Reservations"] for one in held["Instances"]]


def seen(instance):
    tags = {tag["Key"]: tag["Value"] for tag in instance["Tags"]}
    return {
        "id": instance["InstanceId"],
        "state": instance["State"]["Name"],
        "name": tags["Name"],
        "slot": tags["facefleet:slot"],
        "generation": tags["facefleet:generation"],
        "lifecycle": instance.get("InstanceLifecycle", "on-demand"),
        "tokens": instance["MetadataOptions"]["HttpTokens"],
    }


def refusal(call, **arguments):
    """EC2's word for why it will not."""
    try:
        call(**arguments)
    except ClientError as error:
        return error.response["Error"]["Code"]
    return None


def rules():
    """What an emulator of EC2 gets wrong most often."""
    image = "ami-0123456789abcdef0"
    ask = {"ImageId": image, "InstanceType": "t3.medium", "MinCount": 3, "MaxCount": 3, "ClientToken": "boto3"}
    first = [one["InstanceId"] for one in client.run_instances(**ask)["Instances"]]
    again = [one["InstanceId"] for one in client.run_instances(**ask)["Instances"]]
    other = refusal(client.run_instances, **{**ask, "MaxCount": 4})
    client.get_waiter("instance_running").wait(InstanceIds=first, WaiterConfig={"Delay": 1})
    client.terminate_instances(InstanceIds=first)
    return {
        "launched": len(first),
        "isSame": first == again,
        "otherParameters": other,
        "startTerminated": refusal(client.start_instances, InstanceIds=first),
        "unknown": refusal(client.describe_instances, InstanceIds=["i-00000000000000000"]),
    }


if sys.argv[2] == "rules":
    print(json.dumps(rules()))
elif sys.argv[2] == "terminate":
    client.terminate_instances(InstanceIds=sys.argv[3:])
    client.get_waiter("instance_terminated").wait(InstanceIds=sys.argv[3:], WaiterConfig={"Delay": 1})
    print("null")
elif sys.argv[2] == "template":
    image = client.describe_images()["Images"][0]["ImageId"]
    client.create_launch_template(
        LaunchTemplateName=sys.argv[3],
        LaunchTemplateData={"ImageId": image, "InstanceType": "t3.medium"},
    )
    print(json.dumps([subnet["SubnetId"] for subnet in client.describe_subnets()["Subnets"]]))
else:
    print(json.dumps([seen(one) for one in instances(*sys.argv[3:])]))
