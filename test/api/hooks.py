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
def before_call(context, case, kwargs):
    """Cases that are to be valid; what is meant to be wrong is left alone."""
    if case.meta is None or not case.meta.generation.mode.is_positive:
        return
    if case.query:
        case.query = valid_query(case.path, dict(case.query))
    if case.headers and ("Webhook-Url" in case.headers or "Webhook-Secret" in case.headers):
        # They come together, and the address is public.
        case.headers["Webhook-Url"] = "https://hooks.example/here"
        case.headers["Webhook-Secret"] = "a-secret-of-the-receiver"
    if isinstance(case.body, dict):
        case.body = valid_body(case.path, case.body)


def valid_query(path, query):
    # The three figures that say what a similarity has to reach exclude each other.
    for name in [name for name in FIGURES if name in query][1:]:
        del query[name]
    # A cursor is what the page before gave, not any text of its alphabet.
    if path.endswith("/people") and "cursor" in query:
        query["cursor"] = CURSOR
    return query


def valid_body(path, body):
    if path == "/v1/keys":
        # An end lies ahead, and who may do everything is not held to one gallery.
        kept = {name: value for name, value in body.items() if name != "gallery" or "admin" not in body["scopes"]}
        return {**kept, "expiresAt": NEXT_CENTURY} if "expiresAt" in kept else kept
    if "inputFile" in body:
        # Further fields of a form are ignored, but their names have to fit into a header.
        return {name: value for name, value in body.items() if name in ("inputFile", "externalId")}
    return body


@schemathesis.hook
def after_call(context, case, response):
    global counted
    counted += 1
    with open(os.environ["FACEFLEET_API_COUNT"], "w") as file:
        file.write(str(counted))
