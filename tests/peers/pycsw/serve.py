"""Serves a catalogue by pycsw, in pycsw's environment: `serve.py load FILE FOLDER`, then `serve.py run FILE OWN MOST`.

`load` writes a database of a thousand made-up records and of what pycsw takes of the samples in a folder. `run` serves
a database with at most so many records a page, out of a folder of its own and on a port of the system's choice, and
prints its address when it answers.
"""

from __future__ import annotations

import os
import sys
import tempfile
from pathlib import Path
from socketserver import ThreadingMixIn
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer, make_server

import records

COUNT = 1000
SETTINGS = """\
[server]
home={home}
url={url}
mimetype=application/xml; charset=UTF-8
encoding=UTF-8
language=en-US
maxrecords={most}
profiles=apiso
[manager]
transactions=true
allowed_ips=127.0.0.1
[metadata:main]
identification_title=A catalogue of a peer
identification_abstract=pycsw as a peer
identification_keywords=test
identification_keywords_type=theme
identification_fees=None
identification_accessconstraints=None
provider_name=Somebody
provider_url=https://example.org
contact_name=Somebody
contact_position=None
contact_address=None
contact_city=None
contact_stateorprovince=None
contact_postalcode=None
contact_country=None
contact_phone=None
contact_fax=None
contact_email=nobody@example.org
contact_url=https://example.org
contact_hours=None
contact_instructions=None
contact_role=pointOfContact
[repository]
database=sqlite:///{database}
table=records
[metadata:inspire]
enabled=false
"""


def load(file: Path, folder: Path) -> None:
    """Write the database."""
    from pycsw.core import admin, config

    part = file.with_name(f"{file.name}.part")
    part.unlink(missing_ok=True)
    with tempfile.TemporaryDirectory() as made:
        for number in range(COUNT):
            (Path(made) / f"{number:06d}.xml").write_text(records.iso(number), encoding="utf-8")
        admin.setup_db(f"sqlite:///{part}", "records", str(file.parent))
        context = config.StaticContext()
        samples = sorted((folder / "csw").glob("Record_*.xml"))
        for each in (Path(made), folder / "iso19139", *samples):
            admin.load_records(context, f"sqlite:///{part}", "records", str(each))
    part.replace(file)


class Server(ThreadingMixIn, WSGIServer):
    """One thread a request, as real servers of this kind have several processes."""

    daemon_threads = True
    request_queue_size = 32


class Handler(WSGIRequestHandler):
    """Says nothing of each request, and sends an answer's parts without waiting."""

    disable_nagle_algorithm = True

    def log_message(self, format: str, *arguments: object) -> None:
        """Say nothing."""

    def address_string(self) -> str:
        """Return the address as it is: nobody is asked for a name."""
        return str(self.client_address[0])


def run(database: Path, own: Path, most: int) -> None:
    """Serve until the process is ended."""
    server = make_server("127.0.0.1", 0, None, server_class=Server, handler_class=Handler)  # type: ignore[arg-type]
    url = f"http://127.0.0.1:{server.server_port}"
    settings = SETTINGS.format(home=own, url=url, most=most, database=database)
    (own / "pycsw.cfg").write_text(settings, encoding="utf-8")
    os.environ["PYCSW_CONFIG"] = str(own / "pycsw.cfg")
    from pycsw.wsgi import application

    server.set_app(application)
    sys.stdout.write(f"{url}\n")
    sys.stdout.flush()
    # pycsw prints as it likes, and nobody reads it.
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    server.serve_forever()


if __name__ == "__main__":
    if sys.argv[1] == "load":
        load(Path(sys.argv[2]).resolve(), Path(sys.argv[3]).resolve())
    else:
        run(Path(sys.argv[2]).resolve(), Path(sys.argv[3]).resolve(), int(sys.argv[4]))
