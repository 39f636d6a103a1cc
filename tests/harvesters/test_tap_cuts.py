from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from typing import Any

import pytest

from discovery.errors import SourceUnavailableError
from discovery.http import Client
from harvesters.obscore import STANDARD
from harvesters.tap_cuts import Cuts, Window, too_much
from harvesters.tap_service import Service

ERROR = b'<VOTABLE><RESOURCE><INFO name="QUERY_STATUS" value="ERROR">not read</INFO></RESOURCE></VOTABLE>'


def rows(times: list[float | None], **more: Any) -> list[dict[str, Any]]:
    return [{"obs_publisher_did": f"d{n:03}", "t_min": time, **more} for n, time in enumerate(times)]


def cuts(client: Client, tap: Any, size: int) -> Cuts:
    return Cuts(Service(client, tap.url, "sync"), STANDARD, "ivoa.ObsCore", size)


@pytest.mark.parametrize("limit", [3, 1000])
def test_windows_hold_every_row_once_and_meet(limit: int, tap_server: Callable[..., Any], client: Client) -> None:
    times = [40000 + 61.7 * n for n in range(100)]
    tap = tap_server(rows([*times, None, -5.0]), limit=limit)
    found = cuts(client, tap, 10).windows(None, None)
    assert (found[0].lower, found[-1].upper) == (None, None)
    assert all(one.upper == other.lower for one, other in pairwise(found))
    held = [
        sum((w.lower is None or t >= w.lower) and (w.upper is None or t < w.upper) for t in [*times, -5.0])
        for w in found
    ]
    assert held == [each.rows for each in found]
    assert sum(held) == 101
    # A service that lists few bins is asked for wider ones.
    assert len(found) > 8 or limit == 3


def test_a_walk_goes_on_at_any_bound(tap_server: Callable[..., Any], client: Client) -> None:
    tap = tap_server(rows([40000 + 61.7 * n for n in range(100)]), limit=1000)
    asked = cuts(client, tap, 10)
    whole = asked.windows(None, None)
    assert asked.windows(whole[4].lower, None) == whole[4:]
    # In the middle of a window what is left of it comes first.
    assert whole[4].lower is not None
    left = asked.windows(whole[4].lower + 1, None)
    assert (left[0].lower, left[0].upper, left[1:]) == (whole[4].lower + 1, whole[4].upper, whole[5:])
    # A window whose walk had begun keeps its end.
    assert asked.windows(whole[4].lower, whole[4].upper)[0] == Window(whole[4].lower, whole[4].upper)


def test_a_window_is_halved_between_the_values_in_it(tap_server: Callable[..., Any], client: Client) -> None:
    tap = tap_server(rows([1.0, 1.0, 2.0, 9.0]), limit=1000)
    asked = cuts(client, tap, 10)
    one, other = asked.halves(Window(None, None, 4))
    assert [(each.lower, each.upper, each.rows, each.depth) for each in (one, other)] == [
        (None, 5.0, 3, 1),
        (5.0, None, 1, 1),
    ]
    assert asked.halves(Window(None, 1.5, 2)) == ()
    assert asked.halves(Window(100.0, None, 0)) == ()


@pytest.mark.parametrize("refused", ["", "FROM (SELECT", "GROUP BY"])
def test_identifiers_in_several_pieces_are_found_or_nothing_is_cut(
    refused: str, tap_server: Callable[..., Any], client: Client
) -> None:
    several = [{"obs_publisher_did": "b", "t_min": t} for t in (1.0, None)]
    alike = [{"obs_publisher_did": "c", "t_min": 3.0} for _ in range(2)]
    tap = tap_server([*rows([1.0, 2.0]), *several, *alike, *({**each, "obs_publisher_did": "a"} for each in several)])
    tap.wrong = lambda query, most: (200, {}, ERROR) if refused and refused in query else None
    asked = cuts(client, tap, 1)
    if refused == "GROUP BY":
        with pytest.raises(SourceUnavailableError, match="does not say which identifiers are repeated"):
            asked.spread("t_min")
    else:
        assert asked.spread("t_min") == ({"a", "b"} if not refused else {"a", "b", "c"})


def test_groups_are_listed_whole_although_few_fit_into_an_answer(
    tap_server: Callable[..., Any], client: Client
) -> None:
    made = [each | {"obs_collection": f"c'{n % 7}"} for n, each in enumerate(rows([1.0] * 20))]
    tap = tap_server(made, limit=2)
    assert cuts(client, tap, 2).groups() == {f"c'{n}": 3 if n < 6 else 2 for n in range(7)}


def test_a_service_without_overviews_says_so(tap_server: Callable[..., Any], client: Client) -> None:
    tap = tap_server(rows([1.0]))
    tap.wrong = lambda query, most: (200, {}, ERROR)
    for ask in (lambda: cuts(client, tap, 5).windows(None, None), cuts(client, tap, 5).groups):
        with pytest.raises(SourceUnavailableError) as caught:
            ask()
        assert too_much(caught.value)
