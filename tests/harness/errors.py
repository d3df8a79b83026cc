"""The errors that Longshore tells: what is in those of its API, and what may stand in any that people are shown."""

import unicodedata

import grpc
from google.rpc import error_details_pb2, status_pb2

MAX_ERROR_BYTES = 16384


def error_details(error):
    """The google.rpc details of an RpcError, by the name of their type."""
    found = {}
    for key, value in error.trailing_metadata() or ():
        if key == "grpc-status-details-bin":
            for detail in status_pb2.Status.FromString(value).details:
                kind = detail.type_url.rsplit(".", 1)[-1]
                found[kind] = getattr(error_details_pb2, kind).FromString(detail.value)
    return found


def expect_error(test, call, code, reason=None, mentions=()):
    """Asserts that `call` fails with the gRPC code and the ErrorInfo reason, and that its message mentions the values."""
    with test.assertRaises(grpc.RpcError) as caught:
        call()
    error = caught.exception
    test.assertEqual(error.code(), code, error.details())
    for text in mentions:
        test.assertIn(str(text), error.details())
    details = error_details(error)
    if reason is not None:
        test.assertEqual(details["ErrorInfo"].reason, reason)
        test.assertEqual(details["ErrorInfo"].domain, "longshore")
    return details


def server_went_away(error):
    """Whether a call may be made again: gRPC cancels those that come while a server closes its port (docs/api.md)."""
    return error.code() in (grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.CANCELLED)


def why_not_showable(text):
    """Why an error may not be shown to anybody as it is; empty: it may."""
    if not text:
        return "it is empty"
    if len(text.encode("utf-8", "surrogatepass")) > MAX_ERROR_BYTES:
        return f"it is longer than {MAX_ERROR_BYTES} bytes"
    unprintable = sorted({c for c in text if unicodedata.category(c) in ("Cc", "Cs")})
    return f"it has characters that are not printable: {unprintable!r}" if unprintable else ""
