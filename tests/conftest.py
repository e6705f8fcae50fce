"""What all tests share: verified graphs, an object cache of their own, long tests on demand, golden files."""

from __future__ import annotations

import gc
import os
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path

import pytest

# Read when lithograph is first imported, hence set here and not in a fixture.
os.environ.setdefault("LITHOGRAPH_CHECK", "1")
# An object cache that outlived the session could hide a change of the code generator.
_cache = tempfile.mkdtemp(prefix="lithograph-tests-")
os.environ.setdefault("LITHOGRAPH_CACHE", _cache)


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--bless", action="store_true", help="write golden files anew, compare with none")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    if os.environ.get("LITHOGRAPH_TEST_DEEP") == "1":
        return
    for item in items:
        if item.get_closest_marker("deep"):
            item.add_marker(pytest.mark.skip(reason="long; set LITHOGRAPH_TEST_DEEP=1"))


def pytest_unconfigure() -> None:
    shutil.rmtree(_cache, ignore_errors=True)


@pytest.fixture(scope="module", autouse=True)
def settled() -> None:
    """What earlier files left behind goes; what stays is passed over from then on, or each gc.collect() of a test would
    walk through all that a session holds.
    """
    gc.collect()
    gc.freeze()


@pytest.fixture(scope="session")
def deep() -> bool:
    """Whether there is time for long runs (`./dev test --all`)."""
    return os.environ.get("LITHOGRAPH_TEST_DEEP") == "1"


@pytest.fixture
def golden(request: pytest.FixtureRequest) -> Callable[[Path, str], None]:
    """`golden(path, text)` compares `text` with a file; under `--bless` it writes the file instead."""
    bless = bool(request.config.getoption("--bless"))

    def compare(path: Path, text: str) -> None:
        if bless:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
            return
        assert path.exists(), f"there is no {path}: look at the text, then run the test with --bless\n{text}"
        assert text == path.read_text(), f"{path} differs; if the change is wanted, run the test with --bless"

    return compare
