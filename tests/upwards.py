"""Ways to write a path that leads upwards or outwards, for whatever takes a path or a part of one from a stranger."""

from __future__ import annotations

from urllib.parse import quote

UP = (
    "..", "../", "../../..", "./..", "a/../..", "a/./../..", "..//..", "...//..", "/..", "//..", "..\\", "..\\..\\..",
    "\\..\\..", "a\\..\\..", ".. ", " ..", "..\t", "..\n", "..\r\n", "..\x00", "\x00..", "..\x0b", "..\u00a0",
    "..\u200b",
    "\u200b..", "\ufeff..", "..\u202e", "\u2025", "\uff0e\uff0e", "\u2024\u2024", "..\u2215", "..\u2044", "..\uff0f",
    "..\uff3c", "%2e%2e", "%2e%2e/", "%2E%2E", ".%2e", "%2e.", "..%2f", "..%2F..%2F", "%2e%2e%2f%2e%2e%2f", "..%5c",
    "%2e%2e%5c", "%252e%252e", "%252e%252e%252f", "..%252f", "%25252e%25252e", "%c0%ae%c0%ae", "%c0%ae%c0%ae%c0%af",
    "%e0%80%ae%e0%80%ae", "..%c0%af", "..%00", "%00..", "..%0a", "..%0d%0a", "..%09", "..%20", "%20..", "..%u2215",
    "%uff0e%uff0e", "..;", "..;/", "..?", "..#", "..?/../", "..:", "..*", "..~", "~/..", "~", "~root", "$HOME",
    "${HOME}/..",
    "`pwd`/..", "$(pwd)/..", "file:///", "file://localhost/", "////etc", "C:\\", "c:/..", "\\\\host\\share", "..\ud800",
    "..\x7f", "..\x1b[0m", ".", "", "a/" * 600 + "..", "../" * 400, "..{}", "..{0}", "{tail}/..", "%(tail)s/..",
)  # fmt: skip
TAILS = ("secret", "/secret", "etc/passwd")
FORMS: list[str] = [f"{up}/{tail}" if not up.endswith(("/", "\\")) else up + tail for up in UP for tail in TAILS[:1]]
FORMS += [f"a/{up}/{tail}" for up in UP[:20] for tail in TAILS[1:2]]
FORMS += [f"a/b/{up}{quote('/')}{tail}" for up in UP[30:40] for tail in TAILS[2:]]
