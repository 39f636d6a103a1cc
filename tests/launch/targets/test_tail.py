"""What is shown of a hub's log: the lines about one server, and no secret whatever stands around it."""

from __future__ import annotations

from pathlib import Path

import pytest

from discovery.launch.targets.tail import LINES, shown, tail

LOG = """\
[I 2026-11-22 01:57:25.5 JupyterHub log:192] 200 GET /hub/api/users/eve/servers/other (discovery@127.0.0.1) 9ms
[E 2026-11-22 01:57:26.5 JupyterHub user:949] Unhandled error starting ada:mine with timeout
    Traceback (most recent call last):
      File "spawner.py", line 3
    OSError: no space left, token=abcdef0123456789
[E 2026-11-22 01:57:26.5 JupyterHub user:949] Unhandled error starting eve:other: her secret
    OSError: of eve
[W 2026-11-22 01:57:27.5 JupyterHub log:192] 500 POST /hub/api/users/ada/servers/mine (discovery@127.0.0.1) 9ms
"""


def test_the_lines_about_one_server_are_shown_with_what_goes_on_from_them(tmp_path: Path) -> None:
    (tmp_path / "log").write_text(LOG)
    lines = tail(tmp_path / "log", "ada/mine")
    assert len(lines) == 5
    assert "no space left" in "\n".join(lines)
    assert "abcdef0123456789" not in "\n".join(lines)
    assert "eve" not in "\n".join(lines)


def test_only_the_end_of_a_long_log_is_read(tmp_path: Path) -> None:
    line = "[I 2026-11-22 01:57:25.5 JupyterHub x] ada:mine is at {}\n"
    (tmp_path / "log").write_text("".join(line.format(n) for n in range(20_000)))
    lines = tail(tmp_path / "log", "ada/mine")
    assert len(lines) == LINES
    assert lines[-1].endswith("at 19999")


def test_no_log_and_no_server_say_nothing(tmp_path: Path) -> None:
    assert tail(tmp_path / "none", "ada/mine") == ()
    (tmp_path / "log").write_text(LOG)
    assert tail(tmp_path / "log", "") == ()


SECRET = "S3cretS3cretS3cret"


@pytest.mark.parametrize(
    "line",
    [
        f"GET /user/ada/?token={SECRET}",
        f"https://ada:{SECRET}@hub.example/",
        f"Authorization: token {SECRET}",
        f"Authorization: Bearer {SECRET}",
        f"password = {SECRET}",
        f"JUPYTERHUB_API_TOKEN={SECRET}",
        f"bearer {SECRET}==",
        f"with {SECRET}{SECRET} alone",
        f"known-to-us:{SECRET}!",
    ],
)
def test_no_secret_is_shown(line: str) -> None:
    assert SECRET not in shown(line, [f"known-to-us:{SECRET}"])


def test_control_characters_do_not_reach_a_terminal() -> None:
    assert "\x1b" not in shown("\x1b[31mred\x1b]0;title\x07")
