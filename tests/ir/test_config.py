"""The switches: what they start from, what they take, and what they refuse."""

from __future__ import annotations

import pytest

from lithograph.ir.config import Config
from lithograph.ir.errors import DomainError
from lithograph.ir.passes import PIPELINE, Settings


def test_defaults() -> None:
    config = Config({})
    assert (config.debug, config.check, config.dump, config.cache, config.threads) == (0, 0, None, None, None)
    assert (config.traceback, config.target, config.native) == ("short", None, True)
    assert config.pipeline == PIPELINE


def test_the_environment_is_read() -> None:
    config = Config(
        {
            "LITHOGRAPH_DEBUG": "2",
            "LITHOGRAPH_CHECK": " 3 ",
            "LITHOGRAPH_DUMP": "/tmp/x",
            "LITHOGRAPH_CACHE": "off",
            "LITHOGRAPH_THREADS": "4",
            "LITHOGRAPH_TRACEBACK": "full",
            "LITHOGRAPH_TARGET": "haswell",
            "LITHOGRAPH_NATIVE": "0",
        }
    )
    assert config.settings == Settings(check=3, debug=2, dump="/tmp/x")
    assert (config.cache, config.threads, config.traceback, config.target) == ("off", 4, "full", "haswell")
    assert config.native is False


@pytest.mark.parametrize(
    ("variable", "value", "message"),
    [
        ("LITHOGRAPH_CHECK", "4", "LITHOGRAPH_CHECK must be an integer from 0 to 3, not '4'"),
        ("LITHOGRAPH_DEBUG", "-1", "LITHOGRAPH_DEBUG must be an integer from 0 to 5, not '-1'"),
        ("LITHOGRAPH_THREADS", "0", "LITHOGRAPH_THREADS must be a number of threads from 1 to 256, not '0'"),
        ("LITHOGRAPH_NATIVE", "yes", "LITHOGRAPH_NATIVE must be 0 or 1, not 'yes'"),
        ("LITHOGRAPH_TRACEBACK", "long", "LITHOGRAPH_TRACEBACK must be 'short' or 'full', not 'long'"),
    ],
)
def test_a_bad_variable_is_named(variable: str, value: str, message: str) -> None:
    with pytest.raises(DomainError) as fault:
        Config({variable: value})
    assert str(fault.value) == message


def test_a_bad_assignment_changes_nothing() -> None:
    config = Config({})
    with pytest.raises(DomainError, match=r"config\.check must be an integer from 0 to 3, not True"):
        config.check = True
    with pytest.raises(
        DomainError, match=r"config\.pipeline must be a tuple of names of passes, which are inline"
    ):
        config.pipeline = ("cse", "csee")
    with pytest.raises(AttributeError, match="config has no switch 'chekc'; its switches are debug, check"):
        config.chekc = 1
    assert (config.check, config.pipeline) == (0, PIPELINE)
    config.pipeline = ("cse",)
    assert config.pipeline == ("cse",)
