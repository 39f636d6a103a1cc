"""Ask the demo's catalogue the questions of this folder and print how good the answers are.

relevance.py [--half tune|unseen|both] [--each] [--home DIR] [--weights PATH]

`--weights` prints what the same portal answers with vectors of words, as the setting `semantic_weights` names them.
`--each` prints the questions of the half for tuning one by one; those of the other half are for nobody to look at.
"""

from __future__ import annotations

import argparse
import math
import re
import tempfile
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass, field
from hashlib import sha256
from itertools import groupby
from pathlib import Path
from typing import Final

import Stemmer
from rich.console import Console

from discovery import wiring
from discovery.config import Settings
from discovery.demo.load import load
from discovery.indexer import learn
from discovery.model.record import Record
from discovery.portal import Portal
from discovery.query.query import Query

HERE: Final = Path(__file__).parent
TUNE: Final = "tune"
UNSEEN: Final = "unseen"
DEPTH: Final = 20

Key = tuple[str, str, str]
"""What a record is called wherever it is: source, container, id there."""
Answers = Callable[["Question"], Sequence[Key]]
"""Returns the first answers to a question, best first."""


@dataclass(frozen=True, slots=True)
class Question:
    """What somebody asks, and what is an answer."""

    id: str
    kind: str
    scope: str
    text: str
    half: str
    grades: Mapping[Key, int]


@dataclass(frozen=True, slots=True)
class Measures:
    """How good the answers to a question are, or the mean over several."""

    ndcg: float
    recall: float
    success: float

    @classmethod
    def mean(cls, of: Sequence[Measures]) -> Measures:
        """Return the mean of some measures, of which there is at least one."""
        count = len(of)
        return cls(
            sum(each.ndcg for each in of) / count,
            sum(each.recall for each in of) / count,
            sum(each.success for each in of) / count,
        )

    def __str__(self) -> str:
        return f"{self.ndcg:6.3f} {self.recall:6.3f} {self.success:6.3f}"


def questions(folder: Path = HERE) -> list[Question]:
    """Return the questions with their judgments, in the order of the file.

    Raises:
        ValueError: A line is not of the form that the README describes.
    """
    grades: dict[str, dict[Key, int]] = defaultdict(dict)
    for query, grade, source, container, id, _ in _lines(folder / "judgments.tsv", 6):
        key = (source, container, id)
        if grade not in {"0", "1", "2", "3"} or key in grades[query]:
            raise ValueError(f"judgments.tsv: {query} {key} has the grade {grade!r}, or has one already")
        grades[query][key] = int(grade)
    rows = list(_lines(folder / "queries.tsv", 4))
    halves = _halves((id, kind) for id, kind, _, _ in rows)
    return [Question(id, kind, scope, text, halves[id], grades[id]) for id, kind, scope, text in rows]


def _lines(path: Path, columns: int) -> Iterator[list[str]]:
    for line in path.read_text(encoding="utf-8").splitlines():
        if line.startswith("#"):
            continue
        parts = line.split("\t")
        if len(parts) != columns:
            raise ValueError(f"{path.name}: {line!r} has {len(parts)} columns instead of {columns}")
        yield parts


def _halves(rows: Iterable[tuple[str, str]]) -> dict[str, str]:
    """Return which half each question is in: every other one of its class, in the order of their hashes."""
    ordered = sorted(rows, key=lambda row: (row[1], sha256(row[0].encode()).hexdigest()))
    return {
        id: (TUNE, UNSEEN)[number % 2]
        for _, same in groupby(ordered, key=lambda row: row[1])
        for number, (id, _) in enumerate(same)
    }


def measured(question: Question, answers: Sequence[Key]) -> Measures:
    """Return how good some answers to a question are."""
    grades = [question.grades.get(key, 0) for key in answers]
    good = sum(grade >= 2 for grade in question.grades.values())
    return Measures(
        _gain(grades) / _gain(sorted(question.grades.values(), reverse=True)),
        sum(grade >= 2 for grade in grades[:DEPTH]) / good,
        float(bool(grades) and grades[0] >= 2),
    )


def _gain(grades: Sequence[int]) -> float:
    return sum((2.0**grade - 1.0) / math.log2(place) for place, grade in enumerate(grades[:10], 2))


def key(record: Record) -> Key:
    """Return what a record is called here."""
    return record.source, record.container, record.source_id


class Bm25:
    """Plain BM25 as a search library has it out of the box: one field, Snowball stems, any of the words.

    Lucene's formula and its usual k1 = 1.2 and b = 0.75, its English stop words left out.

    Args:
        texts: The text of each record.
    """

    K1: Final = 1.2
    B: Final = 0.75
    STOP: Final = frozenset(
        re.findall(
            r"\w+",
            "a an and are as at be but by for if in into is it no not of on or such that the their then there these "
            "they this to was will with",
        )
    )

    def __init__(self, texts: Mapping[Key, str]) -> None:
        self._stemmer = Stemmer.Stemmer("english")
        self._counts = {key: Counter(self._words(text)) for key, text in sorted(texts.items())}
        self._lengths = {key: counts.total() for key, counts in self._counts.items()}
        self._mean = sum(self._lengths.values()) / max(len(texts), 1)
        self._holding = Counter(word for counts in self._counts.values() for word in counts)

    def _words(self, text: str) -> list[str]:
        found = [word for word in re.findall(r"\w+", text.lower()) if word not in self.STOP]
        return list(self._stemmer.stemWords(found))

    def answers(self, text: str, size: int = DEPTH) -> list[Key]:
        """Return the best records that have any of the words."""
        asked = self._words(text)
        scores = {key: self._score(key, asked) for key in self._counts}
        return sorted((key for key in scores if scores[key]), key=lambda key: (-scores[key], key))[:size]

    def _score(self, key: Key, asked: Iterable[str]) -> float:
        counts, norm = self._counts[key], 1 - self.B + self.B * self._lengths[key] / self._mean
        return sum(
            self._rarity(word) * counts[word] / (counts[word] + self.K1 * norm) for word in asked if word in counts
        )

    def _rarity(self, word: str) -> float:
        holding = self._holding[word]
        return math.log(1 + (len(self._counts) - holding + 0.5) / (holding + 0.5))


def described(record: Record) -> str:
    """Return what the baseline reads of a record: title, description and keywords."""
    return " ".join((record.title, record.description, *record.keywords))


@dataclass(frozen=True, slots=True)
class Catalogue:
    """The demo's records with the ways to find them."""

    portal: Portal
    records: Mapping[str, Mapping[Key, Record]]
    """By scope."""
    baselines: Mapping[str, Bm25] = field(default_factory=dict)
    weighted: Portal | None = None
    """The same records with vectors of words."""

    @classmethod
    def of(cls, portal: Portal, weighted: Portal | None = None) -> Catalogue:
        """Return the catalogue behind a portal."""
        keys = portal.store.catalogue.keys(str(row["id"]) for row in portal.export())
        found = [stored.record for stored in portal.store.catalogue.many(list(keys.values())).values()]
        scopes: dict[str, dict[Key, Record]] = defaultdict(dict)
        for record in found:
            scopes[record.scope][key(record)] = record
        baselines = {
            scope: Bm25({key: described(record) for key, record in records.items()})
            for scope, records in scopes.items()
        }
        return cls(portal, scopes, baselines, weighted)

    def ours(self, question: Question) -> list[Key]:
        """Return what the portal answers."""
        return _answered(self.portal, question)

    def near(self, question: Question) -> list[Key]:
        """Return what it answers with vectors of words."""
        return _answered(self.weighted or self.portal, question)

    def plain(self, question: Question) -> list[Key]:
        """Return what plain BM25 answers."""
        return self.baselines[question.scope].answers(question.text)


def _answered(portal: Portal, question: Question) -> list[Key]:
    page = portal.search(Query(scope=question.scope, text=question.text, size=DEPTH, lenient=True))
    return [key(found.record) for found in page.records]


@contextmanager
def catalogue(home: Path | None = None, weights: Path | None = None) -> Iterator[Catalogue]:
    """Load the demo into a folder, a temporary one unless told, and give what can be asked."""
    with tempfile.TemporaryDirectory() as scratch, ExitStack() as opened:
        settings = Settings(home or Path(scratch))
        portal = opened.enter_context(closing(wiring.open_portal(settings)))
        load(portal, settings, quiet=True)
        weighted: Portal | None = None
        if weights is not None:
            named = settings.with_overrides(semantic_weights=str(weights.resolve()))
            weighted = opened.enter_context(closing(wiring.open_portal(named)))
            learn(weighted.store, weighted.meanings)
            if weighted.meanings is not None and (wrong := weighted.meanings.check()):
                raise SystemExit("; ".join(wrong))
        yield Catalogue.of(portal, weighted)


def by_class(asked: Iterable[Question], answers: Answers) -> dict[str, Measures]:
    """Return the mean measures of each class, and of `all` questions."""
    found: dict[str, list[Measures]] = defaultdict(list)
    for question in asked:
        got = measured(question, answers(question))
        found[question.kind].append(got)
        found["all"].append(got)
    return {kind: Measures.mean(each) for kind, each in found.items()}


def table(asked: Sequence[Question], held: Catalogue) -> str:
    """Return the measures of some questions by class, ours beside the baseline's."""
    ours, plain = by_class(asked, held.ours), by_class(asked, held.plain)
    counts = Counter(question.kind for question in asked) | Counter(all=len(asked))
    lines = [f"{'':15}{'ours':>20}  {'plain BM25':>20}  gain", f"{'class':12}{'n':>3}" + "  nDCG10 rec@20  suc@1" * 2]
    kinds = [*(kind for kind in ours if kind != "all"), "all"]
    lines += [
        f"{kind:12}{counts[kind]:3} {ours[kind]}  {plain[kind]}  {ours[kind].ndcg - plain[kind].ndcg:+.3f}"
        for kind in kinds
    ]
    if held.weighted is not None:
        near = by_class(asked, held.near)
        columns = [f"{'':7}{'with weights':>20}  gain", f"{'':7}  nDCG10 rec@20  suc@1"]
        columns += [f"{'':6}{near[kind]}  {near[kind].ndcg - ours[kind].ndcg:+.3f}" for kind in kinds]
        lines = [f"{line:64}{column}" for line, column in zip(lines, columns, strict=True)]
    return "\n".join(lines)


def markdown(asked: Sequence[Question], held: Catalogue) -> str:
    """Return the table as the documentation shows it: nDCG@10, recall@20 and success@1, ours and the baseline's."""
    ours, plain = by_class(asked, held.ours), by_class(asked, held.plain)
    counts = Counter(question.kind for question in asked) | Counter(all=len(asked))
    lines = ["| class | n | nDCG@10 | BM25 | recall@20 | BM25 | success@1 | BM25 |", f"|{' --- |' * 8}"]
    for kind in [*(kind for kind in ours if kind != "all"), "all"]:
        us, them = ours[kind], plain[kind]
        numbers = (us.ndcg, them.ndcg, us.recall, them.recall, us.success, them.success)
        lines.append(f"| {kind} | {counts[kind]} | {' | '.join(f'{number:.2f}' for number in numbers)} |")
    return "\n".join(lines)


def _each(asked: Iterable[Question], held: Catalogue) -> Iterator[str]:
    for question in asked:
        answers = held.ours(question)
        ours, plain = measured(question, answers), measured(question, held.plain(question))
        shown = "".join(str(question.grades.get(key, "-")) for key in answers[:10])
        yield f"{question.id} {ours}  {plain.ndcg:6.3f}  {shown:10}  {question.text}"


def main() -> None:
    """Print what the command line asks for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--half", choices=(TUNE, UNSEEN, "both"), default="both")
    parser.add_argument("--each", action="store_true", help="each question for tuning with its answers' grades")
    parser.add_argument("--markdown", action="store_true", help="as docs/explanation/relevance.md has it")
    parser.add_argument("--weights", type=Path, help="vectors of words, for a column more")
    parser.add_argument("--home", type=Path, help="a folder that keeps the demo for the next time")
    wanted = parser.parse_args()
    asked = questions()
    said = Console(highlight=False, soft_wrap=True)
    with catalogue(wanted.home, wanted.weights) as held:
        said.print(f"{len(asked)} questions, {sum(len(each.grades) for each in asked)} judgments, tantivy")
        for half in (TUNE, UNSEEN) if wanted.half == "both" else (wanted.half,):
            shown = (markdown if wanted.markdown else table)([each for each in asked if each.half == half], held)
            said.print(f"\n{half}\n{shown}")
        if wanted.each:
            said.print("\nhalf for tuning: id, ours, nDCG@10 of plain BM25, grades of our first ten")
            said.print("\n".join(_each((each for each in asked if each.half == TUNE), held)), markup=False)


if __name__ == "__main__":
    main()
