"""What each page is made of: one frozen class a page, and the small parts they share."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from markupsafe import Markup

from discovery.query.query import Total
from ui.drawing import Bar, Map
from ui.maps import Heat
from ui.text import Piece

if TYPE_CHECKING:
    from ui.made import Around


@dataclass(frozen=True, slots=True)
class Visitor:
    """Who reads a page."""

    way_in: str
    """The address where somebody signs in who comes back to this page."""
    name: str = ""
    """Empty for nobody we know."""
    key: str = ""
    """What the forms on the page carry as `key`; empty for nobody."""
    operator: bool = False
    """Whether the operators' pages are open."""


@dataclass(frozen=True, slots=True)
class Site:
    """What every page shows around its contents."""

    title: str
    """What this portal is called."""
    version: str
    """Of the software, in the footer."""
    style: str
    """URL of the stylesheet; it changes with its contents."""
    scripts: tuple[str, ...]
    """URLs of the scripts, none where the browser files are not there; the pages are complete without."""
    q: str = ""
    """The words that stand in the search box of the header."""
    json: str = ""
    """URL of the same page as JSON, empty where there is none."""
    feed: str = ""
    """URL of what the page finds as a feed, empty where there is none."""
    visitor: Visitor = Visitor("/signin")


@dataclass(frozen=True, slots=True)
class Anchor:
    """A text that leads somewhere."""

    text: str
    url: str = ""
    """Empty for a text that leads nowhere."""
    note: str = ""
    """What else is said beside it."""


@dataclass(frozen=True, slots=True)
class Card:
    """One record in a list."""

    id: str
    url: str
    kind: str
    """The kind's value, which the stylesheet knows."""
    kind_label: str
    title: tuple[Piece, ...]
    description: tuple[Piece, ...]
    """The part of the description where the words stand."""
    mission: str
    """Labels of its missions."""
    provider: str
    time: str
    formats: str
    license: str
    example: str
    """`example` or `synthetic` for an entry that is not real, else empty."""
    map: Map | None = None
    """Where it is; None for a record that is nowhere."""


@dataclass(frozen=True, slots=True)
class Value:
    """One value of a facet."""

    value: str
    label: str
    count: int
    selected: bool
    url: str
    """Ticks or unticks it."""
    depth: int
    """How deep it stands in a tree, 0 for its roots and in a flat facet."""


@dataclass(frozen=True, slots=True)
class Picking:
    """Where the form leads that holds the ticked records, and all that match."""

    launch: str
    keep: str
    compare: str
    export: str
    all: str
    """URL of the selection of all that match."""
    all_label: str


@dataclass(frozen=True, slots=True)
class FacetBox:
    """One facet in the column of filters."""

    name: str
    label: str
    values: tuple[Value, ...]
    exact: bool
    other: int
    """How many occurrences are not among the values."""
    more: str
    """URL that shows it in full, or cuts it again; empty where there is nothing more."""
    full: bool
    """Whether it is shown in full."""
    open: bool
    """Whether its values are seen at once."""
    find: str = ""
    """The text that is looked for among its values."""
    long: bool = False
    """Whether it has more values than are seen, so that one may want to look for one."""
    hidden: tuple[tuple[str, str], ...] = ()
    """What a search among its values keeps of the question."""


@dataclass(frozen=True, slots=True)
class NumberBox:
    """One number in the column of filters."""

    name: str
    label: str
    unit: str
    bars: tuple[Bar, ...]
    """None where the histogram was not asked for."""
    urls: tuple[str, ...]
    """Where each bar leads."""
    ends: tuple[str, str]
    """The least and the greatest value as people read them."""
    known: str
    """How many have a value."""
    low: str
    """What stands in the fields of its form."""
    high: str
    hidden: tuple[tuple[str, str], ...]
    """What a new range keeps of the question."""
    show: str
    """URL that draws the histogram; empty where it is drawn."""
    open: bool


@dataclass(frozen=True, slots=True)
class Beside:
    """Where the matching records of the other scope come from."""

    title: str
    url: str
    """All of them."""
    datasets: tuple[Value, ...]
    sources: tuple[Value, ...]
    more: str
    """How many datasets are not named, empty for none."""


@dataclass(frozen=True, slots=True)
class HeatView:
    """The results on a map."""

    drawing: Heat | None
    """None where no result has a place in the frame."""
    urls: tuple[str, ...]
    """Where each cell leads."""
    fullest: tuple[Value, ...]
    """The fullest cells in words."""
    frame: str
    """What people call the frame."""
    close: str
    """URL of the same results without a map."""
    out: str
    """URL with a whole map again where one cell is looked at."""


@dataclass(frozen=True, slots=True)
class Chip:
    """One active filter."""

    name: str
    """Which field it narrows."""
    text: str
    url: str
    """The same question without it."""


@dataclass(frozen=True, slots=True)
class Way:
    """A filter that an empty answer could do without."""

    chip: Chip
    count: str
    """How many would match then."""
    helps: bool
    """Whether that is any."""


@dataclass(frozen=True, slots=True)
class Option:
    """One entry of a menu."""

    value: str
    text: str
    selected: bool
    url: str


@dataclass(frozen=True, slots=True)
class Form:
    """What stands in the fields of the search form."""

    hidden: tuple[tuple[str, str], ...]
    """Parameters that a new search by words, time or place keeps."""
    start: str
    end: str
    bbox: str
    cone: str
    near: str
    filter: str


@dataclass(frozen=True, slots=True)
class Heard:
    """What was looked for instead of the words that were typed."""

    corrected: str
    """The words with their spelling mended; empty where it was not."""
    sentences: tuple[str, ...]
    """What was left out, and what the records that are listed have."""
    typed: str
    url: str
    """Where the words are looked for as they were typed, all of them."""
    suggestion: Anchor | None
    """What may have been meant, where it was not looked for."""


@dataclass(frozen=True, slots=True)
class SearchContext:
    """The list of records that match."""

    site: Site
    form: Form
    scope: str
    total: str
    noun: str
    """What the records of the scope are called, in the number that fits the total."""
    elsewhere: Anchor | None
    """How many match in the other scope, None for none."""
    heard: Heard | None
    """None where everything is as it was typed."""
    cards: tuple[Card, ...]
    facets: tuple[FacetBox, ...]
    chips: tuple[Chip, ...]
    clear: str
    """URL of everything, in the same order."""
    sorts: tuple[Option, ...]
    bars: tuple[Bar, ...]
    bar_urls: tuple[str, ...]
    """Where each bar leads."""
    numbers: tuple[NumberBox, ...]
    beside: Beside | None
    """The datasets of matching observations, None for a list of observations itself."""
    places: tuple[Anchor, ...]
    """Searches near the places and objects that the words name; the note is what each of them is."""
    heat: HeatView | None
    """The map, None where none was asked for."""
    frames: tuple[Option, ...]
    """The frames that results can be drawn in."""
    ways: tuple[Way, ...]
    """What to remove, for a page without records."""
    helps: bool
    """Whether removing one of them would be enough."""
    next: str
    """URL of the next page, empty at the end."""
    first: str
    """URL of the first page, empty on it."""
    milliseconds: int
    picking: Picking | None
    """What can be done with records that are ticked; None where there are none."""


@dataclass(frozen=True, slots=True)
class Fact:
    """One line of a record's key facts."""

    label: str
    values: tuple[Anchor, ...]


@dataclass(frozen=True, slots=True)
class AssetRow:
    """One file or service of a record."""

    title: str
    url: str
    """Empty where the address is none that a browser opens."""
    address: str
    """The address as people read it."""
    media_type: str
    roles: str
    size: str
    alternates: tuple[Anchor, ...]


@dataclass(frozen=True, slots=True)
class Inside:
    """The Zarr data of a record, as its own page shows them: what is told of them is fetched when somebody looks."""

    title: str
    url: str
    """The page of what is inside."""
    picture: str
    """A picture of it, or of the words that say why there is none."""
    others: tuple[Anchor, ...] = ()
    """The pages of its other Zarr data."""
    left: int = 0
    """How many more there are."""


@dataclass(frozen=True, slots=True)
class Ways:
    """Where a record can be opened, as its own page says it."""

    url: str
    """The page with the choices; empty where a notebook would find no data."""
    volumes: tuple[Anchor, ...]
    datalabs: tuple[Anchor, ...]
    more: int
    """How many more there are on the page with the choices."""
    reason: str = ""
    """Why it cannot be opened, in a sentence; empty where it can."""
    instead: str = ""
    """What can be done instead."""
    launch: str = ""
    """Where a datalab is launched by itself; empty for what is none, and where nothing is started."""


@dataclass(frozen=True, slots=True)
class Alternate:
    """Another form of a page, for programs that look for it in its head."""

    media_type: str
    title: str
    url: str


@dataclass(frozen=True, slots=True)
class Published:
    """The documents of a record, and what search engines read in its page."""

    data: Markup
    """What schema.org can say of it, as JSON without anything that ends a script element."""
    citation: str
    """The line to copy."""
    cites: tuple[Anchor, ...]
    """The citation in the forms of programs."""
    metadata: tuple[Anchor, ...]
    alternates: tuple[Alternate, ...]
    canonical: str
    """The one address of the page."""
    indexed: bool
    """Whether search engines should know it; not so for what describes nothing real."""


@dataclass(frozen=True, slots=True)
class RecordContext:
    """One record with everything that it says."""

    site: Site
    id: str
    title: str
    kind: str
    kind_label: str
    example: str
    description: Markup
    """Safe HTML."""
    open_links: tuple[Anchor, ...]
    """The main ways to the data: its DOI, landing page, where it is served."""
    facts: tuple[Fact, ...]
    map: Map | None
    time: str
    assets: tuple[AssetRow, ...]
    assets_left: int
    """How many more there are than the page shows."""
    links: tuple[Anchor, ...]
    links_left: int
    related: tuple[Anchor, ...]
    """Its parent and what lies beneath it."""
    also_at: tuple[Anchor, ...]
    """The other sources that have the same thing."""
    contacts: tuple[Anchor, ...]
    identifiers: tuple[Fact, ...]
    properties: tuple[Fact, ...]
    """The long tail."""
    issues: tuple[Anchor, ...]
    """Warnings: what was odd about the source's document."""
    provenance: tuple[Fact, ...]
    attribution: str
    ways: Ways | None = None
    """How to open it; None where that is not asked."""
    published: Published | None = None
    """Its documents; None where there is no request to make their addresses for."""
    made: Around | None = None
    """What people make and mark of it; None where nobody asked."""
    picking: Picking | None = None
    """Where it is kept, compared and exported by itself."""
    similar: tuple[Anchor, ...] = ()
    """Spaces of embeddings in which what is like it can be found."""
    inside: Inside | None = None
    """Its Zarr data; None where it has none."""


@dataclass(frozen=True, slots=True)
class OpenFile:
    """One file that can be opened."""

    key: str
    title: str
    format: str
    size: str
    url: str
    """Where a browser can download it; empty where it is only in a volume or an object store."""
    paths: tuple[Anchor, ...]
    """Where it is mounted and stored, each with the volume or the service as its note."""


@dataclass(frozen=True, slots=True)
class Choice:
    """A volume or datalab that can be chosen."""

    id: str
    title: str
    url: str
    """Its page here."""
    reason: str
    start: str = ""
    """Where a datalab is started; empty where its record does not say."""


@dataclass(frozen=True, slots=True)
class OpenContext:
    """The ways to open one record."""

    site: Site
    id: str
    title: str
    kind_label: str
    example: str
    """`example` or `synthetic` for an entry that is not real, else empty."""
    record: str
    """URL of the record's page."""
    notebook: str
    """URL of the notebook as it is without a choice."""
    form: str
    """Where the choices are sent."""
    command: str
    """What opens it on one's own machine."""
    launch: str
    """URL of the confirmation of a launch."""
    button: str
    """HTML that another page can have to lead here."""
    mount_path: str
    """Of the record itself, if it is a volume."""
    is_openable: bool
    files: tuple[OpenFile, ...]
    volumes: tuple[Choice, ...]
    datalabs: tuple[Choice, ...]


@dataclass(frozen=True, slots=True)
class Domain:
    """One of the domains on the home page."""

    value: str
    label: str
    about: str
    url: str
    resources: Total
    observations: Total
    observations_url: str


@dataclass(frozen=True, slots=True)
class Shelf:
    """A row of cards with a heading."""

    title: str
    url: str
    """Where all of them are."""
    cards: tuple[Card, ...]


@dataclass(frozen=True, slots=True)
class HomeContext:
    """The first page."""

    site: Site
    running: tuple[Anchor, ...]
    """What whoever reads it has launched."""
    numbers: tuple[Anchor, ...]
    """How much there is: datasets, observations, sources."""
    domains: tuple[Domain, ...]
    shelves: tuple[Shelf, ...]
    examples: tuple[Anchor, ...]
    """Searches to try."""


@dataclass(frozen=True, slots=True)
class ErrorContext:
    """Why there is no page."""

    site: Site
    status: int
    title: str
    message: str
    ways: tuple[Anchor, ...]
    """Where to go from here."""


@dataclass(frozen=True, slots=True)
class SignInContext:
    """The ways in."""

    site: Site
    code: str
    """Of the link that was opened, empty without."""
    back: str
    """Where somebody goes who has come in."""
    message: str
    """Why the last try was refused, empty for none."""
    provider: Anchor | None
    """Who vouches for people, and the way there; None is nobody."""
    left: bool = False
    """Whether somebody has just signed out."""
    farewell: str = ""
    """Where they sign out of the provider, too; empty where that cannot be."""
