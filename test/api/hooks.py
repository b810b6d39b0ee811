"""What the OpenAPI document cannot say of valid requests, told to Schemathesis. Everything else is generated from it."""

import base64
import io
import json
import os
import zipfile

import schemathesis
from hypothesis import strategies as st

PIXEL = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAAAAAA6fptVAAAACklEQVR4nGNgAAAAAgABSK+kcQAAAABJRU5ErkJggg=="
)
NAMES = st.text("abcdefghij-_ ", min_size=1, max_size=20).map(lambda name: name + ".png")
FIGURES = ("falsePositiveRate", "falseMatchRate", "threshold")
CURSOR = base64.urlsafe_b64encode(b'["a","00000000-0000-4000-8000-000000000000"]').decode().rstrip("=")
NEXT_CENTURY = 4_102_444_800_000

# How many requests there were: the count that the closing line tells.
counted = 0


def archive(names):
    written = io.BytesIO()
    with zipfile.ZipFile(written, "w") as file:
        for name in sorted(set(names)):
            file.writestr(name, PIXEL)
    return written.getvalue()


def lines(names):
    picture = base64.b64encode(PIXEL).decode()
    return "".join(json.dumps({"fileName": name, "picture": picture}) + "\n" for name in names).encode()


several = st.lists(NAMES, min_size=1, max_size=3)
schemathesis.openapi.media_type("application/zip", several.map(archive))
schemathesis.openapi.media_type("application/x-ndjson", several.map(lines))


@schemathesis.serializer("application/zip", "application/x-ndjson")
def as_it_is(context, value):
    return value if isinstance(value, bytes) else json.dumps(value).encode()


@schemathesis.hook
def filter_query(context, query):
    """The three figures that say what a similarity has to reach exclude each other."""
    return not isinstance(query, dict) or sum(name in query for name in FIGURES) <= 1


@schemathesis.hook
def map_query(context, query):
    """A cursor is what the page before gave, not any text of its alphabet."""
    path = context.operation.path if context.operation else ""
    if isinstance(query, dict) and path.endswith("/people") and is_text(query.get("cursor")):
        return {**query, "cursor": CURSOR}
    return query


@schemathesis.hook
def map_headers(context, headers):
    """Address and secret of a webhook come together, and the address is public."""
    if not headers or not ("Webhook-Url" in headers or "Webhook-Secret" in headers):
        return headers
    return {**headers, "Webhook-Url": "https://hooks.example/here", "Webhook-Secret": "sixteen characters".replace(" ", "-")}


@schemathesis.hook
def map_body(context, body):
    path = context.operation.path if context.operation else ""
    if not isinstance(body, dict):
        return body
    if path == "/v1/keys" and isinstance(body.get("scopes"), list):
        # An end lies ahead, and who may do everything is not held to one gallery.
        kept = {name: value for name, value in body.items() if name != "gallery" or "admin" not in body["scopes"]}
        ends = isinstance(kept.get("expiresAt"), int) and not isinstance(kept["expiresAt"], bool)
        return {**kept, "expiresAt": NEXT_CENTURY} if ends else kept
    if "inputFile" in body:
        # Further fields of a form are ignored, but their names have to fit into a header.
        return {name: value for name, value in body.items() if name in ("inputFile", "externalId")}
    return body


def is_text(value):
    return isinstance(value, str) and value != "" and all(one.isalnum() or one in "-_" for one in value)


@schemathesis.hook
def after_call(context, case, response):
    global counted
    counted += 1
    with open(os.environ["FACEFLEET_API_COUNT"], "w") as file:
        file.write(str(counted))
