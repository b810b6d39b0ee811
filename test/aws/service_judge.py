"""What boto3, an unmodified client, sees of a running service on S3, SQS and EC2; prints JSON."""

import json
import sys

import boto3

s3_url, sqs_url, ec2_url, prefix = sys.argv[1:5]


def client(service, url):
    return boto3.client(
        service,
        endpoint_url=url,
        region_name="us-east-1",
        aws_access_key_id="test",
        aws_secret_access_key="test-secret",
    )


s3, sqs, ec2 = client("s3", s3_url), client("sqs", sqs_url), client("ec2", ec2_url)


def objects(bucket):
    pages = s3.get_paginator("list_objects_v2").paginate(Bucket=bucket)
    return [one["Key"] for page in pages for one in page.get("Contents", [])]


def body(bucket, key):
    return s3.get_object(Bucket=bucket, Key=key)["Body"].read()


def queue(url):
    attributes = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["All"])["Attributes"]
    return {
        "messages": sum(
            int(attributes[f"ApproximateNumberOfMessages{kind}"]) for kind in ("", "NotVisible", "Delayed")
        ),
        "cap": int(attributes["MaximumMessageSize"]),
        "deadLetters": "RedrivePolicy" in attributes,
        "tags": sqs.list_queue_tags(QueueUrl=url).get("Tags", {}),
    }


def running():
    filters = [
        {"Name": "tag:Name", "Values": ["app-tier-instance-*"]},
        {"Name": "instance-state-name", "Values": ["running"]},
    ]
    held = [one for page in ec2.get_paginator("describe_instances").paginate(Filters=filters) for one in page["Reservations"]]
    return sorted(
        tag["Value"] for one in held for instance in one["Instances"] for tag in instance["Tags"] if tag["Key"] == "Name"
    )


urls = sqs.list_queues(QueueNamePrefix=f"{prefix}-").get("QueueUrls", [])
output = f"{prefix}-out-bucket"
print(
    json.dumps(
        {
            "buckets": sorted(one["Name"] for one in s3.list_buckets()["Buckets"]),
            "inputs": {key: len(body(f"{prefix}-in-bucket", key)) for key in objects(f"{prefix}-in-bucket")},
            "outputs": {key: body(output, key).decode() for key in objects(output)},
            "queues": {url.rsplit("/", 1)[1]: queue(url) for url in urls},
            "running": running(),
        }
    )
)
