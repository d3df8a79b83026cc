"""What may stand in an error that people are shown."""

import unicodedata

MAX_ERROR_BYTES = 16384


def why_not_showable(text):
    """Why an error may not be shown to anybody as it is; empty: it may."""
    if not text:
        return "it is empty"
    if len(text.encode("utf-8", "surrogatepass")) > MAX_ERROR_BYTES:
        return f"it is longer than {MAX_ERROR_BYTES} bytes"
    unprintable = sorted({c for c in text if unicodedata.category(c) in ("Cc", "Cs")})
    return f"it has characters that are not printable: {unprintable!r}" if unprintable else ""
