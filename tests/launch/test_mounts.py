from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from discovery.launch.mounts import Mounts
from discovery.model.volume import Volume

PARTS = st.sampled_from(["a", "b", "ab", "data", "..", "%2e%2e"])
PATHS = st.lists(PARTS, min_size=1, max_size=4).map(lambda parts: f"/{'/'.join(parts)}")
HOSTS = st.sampled_from(["https://x.example", "http://x.example", "s3://ab", "s3://bucket", "https://x.example.other"])
VOLUMES = st.lists(
    st.builds(
        lambda id, path, twins: Volume(id, id, path, twins=tuple(twins)),
        st.sampled_from(["v1", "v2", "v3"]),
        st.one_of(st.just(""), PATHS.filter(lambda path: ".." not in path)),
        st.lists(st.builds(lambda host, path: f"{host}{path}/", HOSTS, st.one_of(st.just(""), PATHS)), max_size=2),
    ),
    max_size=5,
)


@settings(max_examples=200, deadline=None)
@given(VOLUMES, PATHS)
def test_the_innermost_volume_that_holds_a_path_is_found_as_by_asking_each(volumes: list[Volume], path: str) -> None:
    holding = [each for each in volumes if each.holds(path)]
    innermost = max(holding, key=lambda each: (len(each.mount_path), each.id), default=None)
    assert Mounts(volumes).volume(path) == (innermost.id if innermost else "")


@settings(max_examples=200, deadline=None)
@given(VOLUMES, HOSTS, PATHS, st.sampled_from(["", "?a=/b/", "#a/b"]))
def test_the_twins_of_an_address_are_found_as_by_asking_each(
    volumes: list[Volume], host: str, path: str, more: str
) -> None:
    address = f"{host}{path}{more}"
    asked = [(found, each.id) for each in volumes if (found := each.path_of(address))]
    assert Mounts(volumes).paths(address) == asked


def test_many_twins_at_one_host_are_found_too() -> None:
    volumes = [Volume(f"v{n}", "V", f"/data/{n}", twins=(f"https://x.example/{n}/",)) for n in range(50)]
    volumes.append(Volume("all", "A", "/data", twins=("https://x.example/",)))
    assert Mounts(volumes).paths("https://x.example/7/a.nc") == [("/data/7/a.nc", "v7"), ("/data/7/a.nc", "all")]
    assert Mounts(volumes).paths("https://x.example/77/a.nc") == [("/data/77/a.nc", "all")]


def test_without_volumes_nothing_is_found() -> None:
    assert Mounts(()).volume("/a/b") == ""
    assert Mounts(()).paths("https://x.example/a") == []
    assert Mounts(()).paths("") == []
