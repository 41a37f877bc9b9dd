"""Documents are made in other processes, which may die, hang or be busy."""

import asyncio
import os
import signal
import time
from pathlib import Path

import psutil
import pytest

from activities.adapters.documents import press as press_module
from activities.adapters.documents.press import Form, Press
from activities.adapters.documents.standard import StandardDocuments
from domain.billing.documents.document import BillingDocument
from domain.errors import Conflict, Unavailable
from tests.activities.adapters.documents.samples import document, draft_of, invoice_of
from tests.domain.billing.line_samples import line


def one(lines: int = 1) -> BillingDocument:
    return document(invoice_of([line(100, charge=f"c{place}") for place in range(lines)]))


def kill_at(path: Path) -> None:
    """Die at the first call, and do not at the next."""
    if path.exists():
        path.unlink()
        os.kill(os.getpid(), signal.SIGKILL)


def dying_once(folder: Path, form: Form, made: BillingDocument) -> bytes:
    kill_at(folder / "once")
    return StandardDocuments().pdf(made)


def dying(folder: Path, form: Form, made: BillingDocument) -> bytes:
    os.kill(os.getpid(), signal.SIGKILL)
    return b""


def hanging(folder: Path, form: Form, made: BillingDocument) -> bytes:
    (folder / "pid").write_text(str(os.getpid()))
    time.sleep(600)
    return b""


@pytest.mark.parametrize("form", list(Form))
async def test_it_makes_what_the_documents_do(form: Form) -> None:
    documents, made = StandardDocuments(), one()
    expected = {"pdf": documents.pdf, "factur-x": documents.factur_x, "cii": documents.cii, "ubl": documents.ubl}[form](made)

    assert await Press().make(form, made) == expected


async def test_a_refusal_comes_back_in_its_words() -> None:
    with pytest.raises(Conflict, match="invoice I-1 is a draft; an electronic invoice is made of what was issued"):
        await Press().make(Form.ubl, document(draft_of([line(100)])))


async def test_the_loop_goes_on_meanwhile() -> None:
    """A turn of the loop waits for what is sent there and back, which is a small part of the whole."""
    press = Press()
    await press.make(Form.factur_x, one())
    making = asyncio.create_task(press.make(Form.factur_x, one(300)))
    longest, before = 0.0, time.perf_counter()
    begun = before
    while not making.done():
        await asyncio.sleep(0.001)
        longest, before = max(longest, time.perf_counter() - before), time.perf_counter()

    assert longest < (before - begun) / 2
    assert (await making).startswith(b"%PDF")


async def test_a_process_that_died_is_replaced(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "once").touch()
    monkeypatch.setattr(press_module, "made", dying_once)

    assert (await Press(tmp_path).make(Form.pdf, one())).startswith(b"%PDF")


async def test_one_that_dies_again_is_told_and_the_next_document_is_made(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    press = Press(tmp_path)
    with monkeypatch.context() as broken:
        broken.setattr(press_module, "made", dying)
        with pytest.raises(Unavailable, match="what makes INV-2026-000001 broke off twice"):
            await press.make(Form.pdf, one())

    assert (await press.make(Form.pdf, one())).startswith(b"%PDF")


async def test_what_takes_too_long_is_ended(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    await Press().make(Form.pdf, one())
    monkeypatch.setattr(press_module, "made", hanging)
    with pytest.raises(Unavailable, match="INV-2026-000001 was not made within 1 s"):
        await Press(tmp_path, patience=1).make(Form.pdf, one())

    assert not psutil.pid_exists(int((tmp_path / "pid").read_text()))


async def test_no_more_than_so_many_are_at_work() -> None:
    press, before = Press(processes=1), children()
    made = await asyncio.gather(*(press.make(Form.pdf, one()) for _ in range(5)))

    assert len(set(made)) == 1
    assert len(children() - before) <= 1


def children() -> set[int]:
    return {process.pid for process in psutil.Process().children()}
