"""Introduces a person with one picture, and says who is on another: recognise.py NAME PORTRAIT PICTURE"""

import os
import sys
import time
import uuid

import requests

URL = os.environ.get("FACEFLEET_URL", "http://127.0.0.1:3001")


def main(name, portrait, picture):
    session = requests.Session()
    if "FACEFLEET_KEY" in os.environ:
        session.headers["Authorization"] = f"Bearer {os.environ['FACEFLEET_KEY']}"

    # The id is ours, so that repeating the call creates nobody twice.
    person = answer(session.post(f"{URL}/v1/people", json={"id": str(uuid.uuid4()), "name": name}))["person"]
    for added in send(session, f"/v1/people/{person['id']}/faces", portrait)["pictures"]:
        print(f"{name}: {added['verdict']}, {added['message']}")

    time.sleep(2)  # A change is seen by every worker within two seconds.
    for face in send(session, "/v1/recognitions", picture)["faces"]:
        print(face["person"]["name"] if face["person"] else "unknown", face["similarity"])


def send(session, path, picture):
    with open(picture, "rb") as file:
        # The key makes the request safe to repeat.
        headers = {"Idempotency-Key": str(uuid.uuid4())}
        return answer(session.post(URL + path, files={"inputFile": file}, headers=headers))


def answer(response):
    if not response.ok:
        sys.exit(f"{response.status_code}: {response.json()['detail']}")
    return response.json()


if __name__ == "__main__":
    if len(sys.argv) != 4:
        sys.exit("usage: recognise.py NAME PORTRAIT PICTURE")
    main(*sys.argv[1:])
