import socket
from collections.abc import Iterator

import pytest

from workers.embedded.ports import choose_port, free_port, is_free
from workers.embedded.problems import CannotStart


@pytest.fixture
def taken() -> Iterator[int]:
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        listening.listen()
        yield listening.getsockname()[1]


def test_a_taken_port_is_named(taken: int) -> None:
    with pytest.raises(CannotStart, match=rf"^port {taken} is taken: .*TURNUP_API_PORT"):
        choose_port("TURNUP_API_PORT", taken, [])


def test_a_taken_usual_port_gives_way_to_a_free_one(taken: int) -> None:
    chosen = choose_port("TURNUP_API_PORT", None, [taken])

    assert chosen != taken
    assert is_free(chosen)


def test_the_first_free_usual_port_is_kept(taken: int) -> None:
    usual = free_port()

    assert choose_port("TURNUP_API_PORT", None, [taken, usual]) == usual


def test_a_free_port_is_not_one_that_an_outgoing_connection_may_be_given() -> None:
    lowest_of_linux = 32_768  # man 7 ip, ip_local_port_range

    assert all(free_port() < lowest_of_linux for _ in range(50))


def test_one_port_is_not_given_twice() -> None:
    usual = free_port()

    assert choose_port("TURNUP_API_PORT", None, [usual], {usual}) != usual


def test_an_address_of_another_machine_is_refused() -> None:
    with pytest.raises(CannotStart, match=r"192\.0\.2\.1 is not an address of this machine"):
        choose_port("TURNUP_API_PORT", 9999, [], host="192.0.2.1")
