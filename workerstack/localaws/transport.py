"""Every call counts as encrypted, as each call that reaches AWS's own endpoints is.

The endpoint speaks plain HTTP on the loopback interface, for which policies that insist on TLS
(``aws:SecureTransport``) would refuse everybody.
"""

from typing import Any


def install(app: Any) -> None:
    """Wraps what notes where a request comes from; doing it twice changes nothing."""
    pin = app.pin_request_origin
    if hasattr(pin, "wrapped"):
        return

    def pin_encrypted(source_ip: str, _encrypted: object) -> None:
        pin(source_ip, True)

    pin_encrypted.wrapped = pin  # type: ignore[attr-defined]
    app.pin_request_origin = pin_encrypted
