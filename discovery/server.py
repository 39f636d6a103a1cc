"""The processes of a portal: readers that share one socket, and one steward that writes to the index."""

from __future__ import annotations

import logging
import multiprocessing
import os
import signal
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from functools import partial
from multiprocessing.connection import wait
from typing import TYPE_CHECKING, Final

import uvicorn
from uvicorn.supervisors import Multiprocess

from discovery import log, starting
from discovery.config import Settings
from discovery.errors import ConfigError, UnavailableError
from discovery.steward import Steward
from discovery.store.connection import is_behind
from discovery.wiring import home_lock, open_portal, open_store

if TYPE_CHECKING:
    from fastapi import FastAPI

DRAIN: Final = 10
"""Seconds that requests under way are given after SIGTERM or Ctrl-C."""
HANG: Final = 30
"""Seconds without a sign of life after which a worker is replaced."""
MESSAGE: Final = 128 * 1024
"""Bytes of a message that comes by a websocket; faces allow less."""
_AGAIN: Final = 1.0

_log = logging.getLogger(__name__)


def serve(settings: Settings, *, ready: Callable[[str], None], steward: bool = True) -> None:
    """Serve until SIGTERM or Ctrl-C, then finish the requests under way and end.

    One worker is one process, the steward a thread in it. Several are as many processes that only read, with the
    steward in one of its own; whichever dies is started again, and all end with this process however it ends.

    Args:
        settings: What to serve, where, and with how many workers.
        ready: Called with the address when connections are accepted.
        steward: Whether to index beside serving; without it `discovery steward` has to run somewhere.

    Raises:
        UnavailableError: The port cannot be had.
        ConfigError: There is less than one worker.
    """
    if settings.workers < 1:
        raise ConfigError(f"workers = {settings.workers} is less than 1")
    with home_lock(settings).share(), _bound(settings) as listening:
        host, port = listening.getsockname()[:2]
        ready(f"http://{f'[{host}]' if ':' in host else host}:{port}/")
        if is_behind(settings.store_url):
            with starting.answering(listening):
                open_store(settings).close()
        if settings.workers == 1:
            with _handled():
                uvicorn.Server(_config(settings, partial(_application, settings, steward=steward))).run([listening])
            return
        _serve_many(settings, listening, steward=steward)


def keep(settings: Settings) -> None:
    """Do the steward's work alone, until SIGTERM or Ctrl-C."""
    with home_lock(settings).share(), closing(open_portal(settings)) as portal:
        keeper = Steward(settings, portal)
        with _handled(keeper.stop):
            keeper.run()


@contextmanager
def _handled(stop: Callable[[], None] = lambda: None) -> Iterator[None]:
    """Take SIGTERM and Ctrl-C as wishes that are fulfilled; uvicorn raises them again when it has ended."""
    before = {each: signal.signal(each, lambda *_: stop()) for each in (signal.SIGTERM, signal.SIGINT)}
    try:
        yield
    finally:
        for each, handler in before.items():
            signal.signal(each, handler)


def _bound(settings: Settings) -> socket.socket:
    try:
        family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
        return socket.create_server((settings.host, settings.port), family=family, backlog=2048)
    except (OSError, OverflowError) as error:
        reason = (error.strerror if isinstance(error, OSError) else None) or error
        raise UnavailableError(
            f"port {settings.port} of {settings.host} cannot be had ({reason}); choose another with --port"
        ) from error


def _config(settings: Settings, app: Callable[[], FastAPI]) -> uvicorn.Config:
    return uvicorn.Config(
        app,
        factory=True,
        workers=settings.workers,
        log_config=None,
        access_log=False,
        server_header=False,
        # discovery/proxies.py believes those that the operator has named, and not whoever is on this machine.
        proxy_headers=False,
        timeout_graceful_shutdown=DRAIN,
        timeout_worker_healthcheck=HANG,
        ws_max_size=MESSAGE,
        # What is told is short, and each connection would hold the memory of a compressor.
        ws_per_message_deflate=False,
    )


def _serve_many(settings: Settings, listening: socket.socket, *, steward: bool) -> None:
    open_portal(settings).close()  # Once, before several processes find what is needed or wrong.
    ended = threading.Event()
    keeper = threading.Thread(target=_keep_kept, args=(settings, ended))
    if steward:
        keeper.start()
    try:
        Multiprocess(_config(settings, partial(_reader, settings)), [listening]).run()
    finally:
        ended.set()
        if steward:
            keeper.join()


def _application(settings: Settings, *, steward: bool) -> FastAPI:
    from discovery.app import create_app  # The parent of workers needs none of it.

    return create_app(settings, steward=steward)


def _reader(settings: Settings) -> FastAPI:
    """Return the application of a worker process, which ends when its parent does."""
    log.configure(settings)
    _end_with_parent()
    return _application(settings, steward=False)


def _kept(settings: Settings) -> None:
    """Be the steward's process."""
    log.configure(settings)
    _end_with_parent()
    keep(settings)


def _keep_kept(settings: Settings, ended: threading.Event) -> None:
    """Have a steward process until the end, another one whenever it dies."""
    context = multiprocessing.get_context("spawn")
    while not ended.is_set():
        process = context.Process(target=_kept, args=(settings,), name="discovery-steward")
        process.start()
        while process.is_alive() and not ended.wait(0.1):
            pass
        if ended.is_set():
            process.terminate()
            process.join()
            return
        _log.warning("the steward ended with status %s and is started again", process.exitcode)
        ended.wait(_AGAIN)


def _end_with_parent() -> None:
    """End as on SIGTERM when the process that started this one is gone: kill -9 leaves no orphan on the port."""
    parent = multiprocessing.parent_process()
    if parent is None:
        return

    def watch() -> None:
        wait([parent.sentinel])
        os.kill(os.getpid(), signal.SIGTERM)

    threading.Thread(target=watch, daemon=True).start()
