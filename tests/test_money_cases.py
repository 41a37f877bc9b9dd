"""Each of the thirty ways in which money breaks naive code has a test that names it, as far as the product has come."""

import ast
from pathlib import Path

TESTS = Path(__file__).parent
DUE = {*range(1, 17), *range(18, 26), 27, 28, 29}
"""Those of billing and of payments. 17, 26 and 30 come with the life of a subscription."""


def named(path: Path) -> set[int]:
    """The numbers in `@pytest.mark.money_case(number)` within a file."""
    calls = (node for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))) if isinstance(node, ast.Call))
    marks = (call for call in calls if isinstance(call.func, ast.Attribute) and call.func.attr == "money_case")
    return {
        argument.value
        for mark in marks
        for argument in mark.args
        if isinstance(argument, ast.Constant) and isinstance(argument.value, int)
    }


def test_every_case_of_billing_and_payments_is_tested() -> None:
    found = set[int]().union(*(named(path) for path in TESTS.rglob("test_*.py")))
    assert found >= DUE
