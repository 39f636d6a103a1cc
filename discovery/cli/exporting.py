"""Everything that a search finds, as a file."""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Final

from discovery.cli.output import console
from discovery.errors import BadQueryError, ConfigError

if TYPE_CHECKING:
    from discovery.documents.site import Site
    from discovery.portal import Portal
    from discovery.query.query import Query

_HERE: Final = Path("-")
_ENDS: Final = {
    ".csv": "csv",
    ".vot": "votable",
    ".votable": "votable",
    ".xml": "votable",
    ".parquet": "geoparquet",
    ".geojson": "stac",
    ".json": "stac",
    ".ndjson": "ndjson",
    ".jsonl": "ndjson",
}


def write(portal: Portal, query: Query, file: Path, written: str, site: Site) -> None:
    """Write everything that a query finds to a file, whole or not at all, or print it where the file is `-`.

    Raises:
        BadQueryError: Neither the form nor the end of the file's name says what to write.
        LimitError: More than a million records match.
        ConfigError: The file cannot be written.
    """
    # What makes tables is not imported by every search.
    from discovery import selection
    from discovery.exports import writing
    from discovery.selection import Selection

    name = written or ("ndjson" if file == _HERE else _ENDS.get(file.suffix.lower(), ""))
    if not name:
        told = f"{file.name} does not say what it is: give --format, or one of the ends {', '.join(_ENDS)}"
        raise BadQueryError(told, parameter="format")
    chosen = selection.choose(portal, Selection.of_query(query))
    made = writing.export(portal, chosen, writing.form(name), site)
    if file == _HERE:
        for piece in made.pieces:
            sys.stdout.buffer.write(piece)
        sys.stdout.flush()
        return
    try:
        with tempfile.NamedTemporaryFile(dir=file.parent, prefix=".export-", delete=False) as out:
            path = Path(out.name)
            try:
                for piece in made.pieces:
                    out.write(piece)
                out.flush()
            except BaseException:
                path.unlink(missing_ok=True)
                raise
        path.chmod(0o644)
        path.replace(file)
    except OSError as error:
        raise ConfigError(f"{file} cannot be written: {error.strerror}") from error
    console.print(f"wrote {chosen.total.value} records to {file}", markup=False, soft_wrap=True)
