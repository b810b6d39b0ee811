#!/bin/sh
# Introduces a person with one picture, and says who is on another: sh recognise.sh NAME PORTRAIT PICTURE
set -eu
[ $# -eq 3 ] || { echo "usage: sh recognise.sh NAME PORTRAIT PICTURE" >&2; exit 2; }
name=$1 portrait=$2 picture=$3
url=${FACEFLEET_URL:-http://127.0.0.1:3001}

# --fail-with-body: an answer that is no success ends this script, and its text says why.
ask() {
  curl --silent --show-error --fail-with-body ${FACEFLEET_KEY:+-H "Authorization: Bearer $FACEFLEET_KEY"} "$@"
}
# The id is ours, so that repeating the call creates nobody twice.
id=$(cat /proc/sys/kernel/random/uuid 2> /dev/null || uuidgen | tr 'A-Z' 'a-z')

ask "$url/v1/people" -H 'Content-Type: application/json' -d "{\"id\": \"$id\", \"name\": \"$name\"}"
echo
ask "$url/v1/people/$id/faces" -F "inputFile=@$portrait"
echo
# A change is seen by every worker within two seconds.
sleep 2
# One line, with the largest face: stem of the file name, colon, name.
ask "$url/" -F "inputFile=@$picture"
echo
