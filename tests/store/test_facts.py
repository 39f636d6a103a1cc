from __future__ import annotations

from discovery.store import facts
from discovery.store.store import Store


def test_a_fact_is_what_was_written_last_until_it_is_forgotten(store: Store) -> None:
    with store.database.write() as connection:
        assert facts.read(connection, "colour") is None
        for value in ("blue", "green"):
            facts.write(connection, "colour", value)
            assert facts.read(connection, "colour") == value
        facts.write(connection, "shape", "round")
        for _ in range(2):
            facts.forget(connection, "colour")
    with store.database.read() as connection:
        assert (facts.read(connection, "colour"), facts.read(connection, "shape")) == (None, "round")
