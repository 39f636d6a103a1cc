"""Runs a console script with every schema answered from a folder and every other remote host refused.

Usage: python offline.py FOLDER SCRIPT ARGUMENTS...
"""

from __future__ import annotations

import io
import runpy
import sys
import urllib.request
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import requests

FOLDER = Path(sys.argv[1])
REAL_SEND = requests.Session.send
REAL_OPEN = urllib.request.urlopen


def schema(url: str) -> bytes | None:
    """Return a schema's bytes, or None for an address on this machine."""
    parts = urlsplit(url)
    if parts.hostname in ("127.0.0.1", "localhost"):
        return None
    path = FOLDER / (parts.hostname or "") / parts.path.lstrip("/")
    if not path.is_file():
        raise requests.ConnectionError(f"not among the schemas: {url}")
    return path.read_bytes()


def send(self: requests.Session, request: Any, **kwargs: Any) -> requests.Response:
    """Answer as a session would."""
    body = schema(request.url)
    if body is None:
        return REAL_SEND(self, request, **kwargs)
    answer = requests.Response()
    answer.status_code, answer.url, answer.request = 200, request.url, request
    answer.raw = io.BytesIO(body)
    answer.headers["Content-Type"] = "application/json"
    return answer


def urlopen(target: Any, *args: Any, **kwargs: Any) -> Any:
    """Answer as urllib would."""
    url = target if isinstance(target, str) else target.full_url
    body = schema(url)
    return REAL_OPEN(target, *args, **kwargs) if body is None else io.BytesIO(body)


requests.Session.send = send  # type: ignore[method-assign]
urllib.request.urlopen = urlopen
sys.argv = sys.argv[2:]
runpy.run_path(sys.argv[0], run_name="__main__")
