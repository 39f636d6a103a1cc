from __future__ import annotations

import time

import pytest

from discovery.errors import LimitError
from discovery.exports import limits


def test_an_answer_that_does_not_begin_for_a_minute_is_refused() -> None:
    limits.late(time.monotonic() - limits.MAX_SECONDS + 5)
    with pytest.raises(LimitError, match="more than 60 seconds to begin"):
        limits.late(time.monotonic() - limits.MAX_SECONDS - 1)
