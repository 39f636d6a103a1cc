from __future__ import annotations

import json

import pytest

from discovery.exports.listed import listed


@pytest.mark.parametrize("count", [0, 1, 2, 5])
def test_documents_stand_in_their_order_before_the_other_members(count: int) -> None:
    documents = [b'{"id":%d}' % each for each in range(count)]
    made = listed(b'{"type":"List","members":[', documents, {"links": [], "numberReturned": count})
    members = [{"id": each} for each in range(count)]
    assert json.loads(made) == {"type": "List", "members": members, "links": [], "numberReturned": count}
    assert made.startswith(b'{"type":"List","members":[' + b",".join(documents) + b'],"links":')
