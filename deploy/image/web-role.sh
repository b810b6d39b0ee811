#!/bin/bash
# Writes credentials of the role WEB_ROLE_ARN to where the web tier's SDK looks, whole or not at all.
set -euo pipefail
folder=/run/facefleet-web-role
aws sts assume-role --region "$AWS_REGION" --role-arn "$WEB_ROLE_ARN" --role-session-name web-tier --duration-seconds 3600 \
  --output json --query '{Version: `1`, AccessKeyId: Credentials.AccessKeyId, SecretAccessKey: Credentials.SecretAccessKey, SessionToken: Credentials.SessionToken, Expiration: Credentials.Expiration}' \
  > "$folder/credentials.json.new"
mv "$folder/credentials.json.new" "$folder/credentials.json"
