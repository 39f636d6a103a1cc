"""Rows of archives' own tables as records, by the map that says which column is which field."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from urllib.parse import quote

from discovery.model import terms
from discovery.model.extent import SKY, Geometry
from discovery.model.record import Asset, Link, Record, make_extent, make_record, record_id
from harvesters import stac
from harvesters.cells import Cells, circle, data_asset, known, location, ordered
from harvesters.defaults import Defaults
from harvesters.document import MAX_DESCRIPTION, MAX_TITLE, Notes, clean
from harvesters.table_map import QUANTITIES, Entry, TableMap, variables
from harvesters.tap_table import Standard

_MOST_WORDS = 100


def standard(table: TableMap) -> Standard:
    """Return the table as TAP walks it."""
    quantities = {
        entry.column: entry.unit for name in QUANTITIES for entry in table.fields.get(name, ()) if entry.column
    }
    return Standard(
        name=table.name,
        key=table.id,
        to_record=partial(to_record, table),
        apart=table.apart,
        window=table.window,
        bin=table.bin,
        modified=table.modified,
        group=table.group,
        to_group=partial(to_dataset, table) if table.group else None,
        units=quantities,
        regions=tuple(entry.column for entry in table.fields.get("region", ())),
        relation=table.relation,
    )


def to_record(
    table: TableMap,
    row: Mapping[str, str],
    units: Mapping[str, str],
    xtypes: Mapping[str, str],
    container: str,
    source_id: str,
    defaults: Defaults,
) -> Record:
    """Return the record of a row.

    Args:
        table: Which column is which field.
        row: The cells that are not NULL, as text, by the names of their columns in lower case.
        units: The units of columns that are not those of the map.
        xtypes: DALI's extended types of columns, where they are given.
        container: The table.
        source_id: What names the row in it.
        defaults: What the operator said of the source.
    """
    notes = Notes()
    fields = _Fields(table, Cells(row, units, notes), xtypes)
    group = fields.cells.text(table.group) if table.group else ""
    # What the rules of places look at, such as the path of a file, stays with the columns that have no field.
    properties = fields.cells.others(fields.used)
    platforms, collection = fields.words("platform"), fields.text("collection")
    properties |= {name: value for name, value in (("platform", platforms), ("collection", collection)) if value}
    assets = fields.assets()
    start, end = fields.instant("start"), fields.instant("end", end=True)
    if table.kind == "observation":
        start, end = fields.cells.interval(start, end, fields.first("start"))
    missions = defaults.missions(_missions(fields.words("mission")))
    return make_record(
        defaults.source,
        container,
        source_id,
        table.kind,
        fields.title(source_id),
        description=fields.text("description", MAX_DESCRIPTION),
        domain=defaults.domain_of(missions),
        missions=missions,
        instruments=stac.instruments(fields.words("instrument")),
        keywords=fields.words("keyword"),
        targets=fields.words("target"),
        provider=fields.text("provider") or defaults.provider,
        license=fields.text("license"),
        level=fields.text("level", 40),
        product_type=fields.text("product_type", 100),
        formats=stac.formats(assets[:1]),
        dataset=record_id(defaults.source, table.group, group) if group else "",
        extent=make_extent(SKY, fields.place(), None, start, end),
        assets=assets,
        links=tuple(Link(url, "about") for url in (fields.address("page"),) if url),
        doi=fields.text("doi").lower(),
        external_ids=fields.words("external_id"),
        created=fields.instant("created"),
        updated=fields.instant("updated"),
        metadata_updated=fields.instant("metadata_updated"),
        access=fields.text("access", 40) if fields.text("access") in ("registered", "restricted") else "open",
        numbers=fields.numbers(),
        properties=defaults.marked(properties),
        issues=notes.issues,
    )


def to_dataset(table: TableMap, name: str, container: str, defaults: Defaults) -> Record:
    """Return the dataset of one group of rows, of which the table says no more than the name."""
    mission = terms.mission(name)
    record = Record(
        defaults.source,
        table.group,
        name,
        "dataset",
        clean(name)[:MAX_TITLE] or name,
        missions=(mission.value,) if mission else (),
        properties={"collection": clean(name)[:1000], "table": container},
    )
    return defaults.fill(record)


def _missions(names: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(term.value if (term := terms.mission(name)) else name for name in names))


class _Fields:
    """The fields of one row, as its map reads them."""

    def __init__(self, table: TableMap, cells: Cells, xtypes: Mapping[str, str]) -> None:
        self._table = table
        self._xtypes = xtypes
        self.cells = cells
        self.used = {entry.column for entries in table.fields.values() for entry in entries}

    def entries(self, name: str) -> tuple[Entry, ...]:
        """Return the ways to fill a field."""
        return self._table.fields.get(name, ())

    def first(self, name: str) -> str:
        """Return the column that a field is first read from, for issues."""
        return next((entry.column for entry in self.entries(name)), name)

    def text(self, name: str, limit: int = 1000) -> str:
        """Return a text field; empty where no way gives one."""
        for entry in self.entries(name):
            if found := self._written(entry):
                return entry.values.get(found, found)[:limit]
        return ""

    def words(self, name: str) -> tuple[str, ...]:
        """Return all that the ways to fill a list give."""
        found: dict[str, None] = {}
        for entry in self.entries(name):
            text = self._written(entry)
            parts = text.split(entry.separator) if entry.separator else [text]
            for part in parts[:_MOST_WORDS]:
                if word := entry.values.get(part.strip(), part.strip()):
                    found[word[:1000]] = None
        return tuple(found)

    def title(self, source_id: str) -> str:
        """Return the title that the map gives, else what is known of target and instrument."""
        parts = (*self.words("target")[:1], *self.words("instrument")[:1], source_id)
        return self.text("title", MAX_TITLE) or " ".join(parts)[:MAX_TITLE]

    def instant(self, name: str, *, end: bool = False) -> int | None:
        """Return an instant in milliseconds."""
        for entry in self.entries(name):
            found = self._instant(entry, end=end)
            if found is not None:
                return found
        return None

    def _instant(self, entry: Entry, *, end: bool) -> int | None:
        if entry.calendar == "mjd":
            return self.cells.mjd(entry.column)
        if entry.calendar == "jd":
            return self.cells.jd(entry.column)
        return self.cells.instant(entry.column, end=end)

    def address(self, name: str) -> str:
        """Return an address without secrets."""
        for entry in self.entries(name):
            if found := location(self._written(entry, quoted=True), self.cells.notes, entry.column or name):
                return found
        return ""

    def assets(self) -> tuple[Asset, ...]:
        """Return the data, the document that leads to them, and the picture of them."""
        out = []
        if url := self.address("url"):
            out.append(data_asset(url, self.text("format", 200), self._size()))
        if url := self.address("datalink"):
            out.append(data_asset(url, "application/x-votable+xml;content=datalink", None, key="datalink"))
        if url := self.address("preview"):
            out.append(Asset(url, "preview", roles=("thumbnail",)))
        return tuple(out)

    def numbers(self) -> dict[str, float]:
        """Return the numbers worth filtering."""
        shortest, longest = ordered(self.quantity("wavelength_min"), self.quantity("wavelength_max"))
        return known(
            {
                "wavelength_min": shortest,
                "wavelength_max": longest,
                "exposure": self.quantity("exposure"),
                "sky_resolution": self.quantity("sky_resolution"),
                "size": self._size(),
            }
        )

    def quantity(self, name: str) -> float | None:
        """Return a quantity in our unit."""
        for entry in self.entries(name):
            found = self._quantity(name, entry)
            if found is not None:
                return found
        return None

    def _quantity(self, name: str, entry: Entry) -> float | None:
        if name in ("ra", "dec", "fov"):
            return self.cells.degrees(entry.column, entry.unit)
        if name == "sky_resolution":
            return self.cells.arcseconds(entry.column, entry.unit)
        if name == "exposure":
            return self.cells.seconds(entry.column, entry.unit)
        if name == "size":
            return self.cells.bytes(entry.column, entry.unit)
        return self.cells.metres(entry.column, entry.unit)

    def _size(self) -> int | None:
        found = self.quantity("size")
        return None if found is None else int(found)

    def place(self) -> Geometry | None:
        """Return the footprint; without one that can be read, the circle or the point that was looked at."""
        for entry in self.entries("region"):
            geometry = self.cells.region(entry.column, self._xtypes.get(entry.column, "").lower())
            if geometry is not None:
                return geometry
        if not (self.entries("ra") or self.entries("region")):
            return None
        ra, dec, fov = self.quantity("ra"), self.quantity("dec"), self.quantity("fov")
        return circle(ra, dec, fov, self.cells.notes, self.first("ra"))

    def _written(self, entry: Entry, *, quoted: bool = False) -> str:
        """Return what a way to fill a field writes; in an address the cells of a template are quoted."""
        if entry.value:
            return entry.value
        if entry.column:
            return self.cells.text(entry.column, MAX_DESCRIPTION)
        cells = {name: self.cells.text(name, 2_000) for name in variables(entry.template)}
        if not all(cells.values()):
            return ""
        return entry.template.format_map(
            {name: quote(value, safe="") for name, value in cells.items()} if quoted else cells
        )
