"""Answers of HTTP that AWS did not give: portals, proxies, gateways, and what they tear."""

from collections.abc import Mapping

Answer = tuple[int, list[tuple[str, str]], bytes]

PAGE = b"<!DOCTYPE html>\n<html><head><title>Sign in</title></head><body><br></body></html>"
XHTML = (
    b'<?xml version="1.0"?><!DOCTYPE html PUBLIC "-//W3C//DTD XHTML 1.0 Strict//EN"'
    b' "http://www.w3.org/TR/xhtml1/DTD/xhtml1-strict.dtd">'
    b'<html xmlns="http://www.w3.org/1999/xhtml"><head><title>Sign in</title></head>'
    b"<body><p>Welcome</p></body></html>"
)
HTML = [("Content-Type", "text/html; charset=utf-8")]

PAGES: Mapping[str, Answer] = {
    "portal": (200, HTML, PAGE),
    "portal of XHTML": (200, [("Content-Type", "application/xhtml+xml")], XHTML),
    "redirect": (302, [*HTML, ("Location", "http://portal.example/login?next=aws")], b""),
    "proxy says no": (403, HTML, PAGE),
    "proxy says no in XHTML": (403, HTML, XHTML),
    "proxy asks who": (407, [*HTML, ("Proxy-Authenticate", "Basic")], PAGE),
    "gateway": (502, HTML, PAGE),
    "unavailable": (503, [("Content-Type", "text/plain")], b"upstream connect error"),
    "gateway timed out": (504, HTML, XHTML),
    "portal as 511": (511, HTML, PAGE),
    "empty": (200, [], b""),
    "other JSON": (200, [("Content-Type", "application/json")], b'{"error": "blocked"}'),
    "list": (200, [("Content-Type", "application/json")], b"[]"),
    "text": (200, [("Content-Type", "text/plain")], b"OK"),
}
UNEXPECTED = (*PAGES, "torn", "bare")


def unexpected(kind: str, action: str, answer: Answer | None) -> Answer:
    """What comes instead of ``answer``; of that, "torn" is the first half, as if it were whole.

    "bare" is well-formed and as AWS writes it, and has no member.
    """
    if kind == "torn":
        status, headers, content = answer or _bare(action)
        return status, headers, content[: len(content) // 2]
    return PAGES.get(kind) or _bare(action)


def _bare(action: str) -> Answer:
    if "." in action:
        return 200, [("Content-Type", "application/x-amz-json-1.1")], b"{}"
    content = f"<{action}Response><{action}Result/></{action}Response>".encode()
    return 200, [("Content-Type", "text/xml")], content
