"""How many random orders and lives are tried: a few, the same each time, or as many new ones as `--examples` says."""

import pytest
from hypothesis import HealthCheck, Phase, settings

USUAL = {"orders": 25, "lives": 6}


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--examples", type=int, help="try this many random orders or lives, new ones each time, and make smaller what fails"
    )


def pytest_configure(config: pytest.Config) -> None:
    """The usual run takes as long every time, so what fails in it is shown as it is."""
    wanted = config.getoption("examples", None)
    for name, usual in USUAL.items():
        settings.register_profile(
            name,
            max_examples=wanted or usual,
            derandomize=wanted is None,
            phases=[Phase.explicit, Phase.generate, *([Phase.shrink] if wanted else [])],
            database=None,
            deadline=None,
            suppress_health_check=list(HealthCheck),
        )
