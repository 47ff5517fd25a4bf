"""Lets schemathesis send bodies of type audio/ogg, which it cannot by itself: whatever bytes it makes up."""

import schemathesis


@schemathesis.serializer("audio/ogg")
def sound(_context, value):
    return bytes(value) if isinstance(value, (bytes, bytearray)) else str(value).encode(errors="replace")
