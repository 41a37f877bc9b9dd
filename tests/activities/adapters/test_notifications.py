"""Messages as they arrive: at a real mail server, and at a webhook that checks their signature."""

import base64
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from datetime import UTC, date, datetime
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import Envelope
from fastapi import FastAPI, Request, Response
from pydantic import SecretStr
from standardwebhooks import Webhook

from activities.adapters.notifications.mail import Mail
from activities.adapters.notifications.texts import Texts
from activities.adapters.notifications.webhook import MessageWebhook
from domain.errors import Refused, Unavailable
from domain.messages import Letter, Message, MessageFacts, MessageKind
from domain.money import Money
from tests.sandbox_server import serving
from workers.embedded.ports import free_port

AT = datetime(2026, 3, 1, 9, tzinfo=UTC)
SECRET = SecretStr("whsec_" + base64.b64encode(b"x" * 32).decode())
FACTS = MessageFacts(
    plan="CRM <b>Team</b>\r\nBcc: all@example.com",
    invoice="INV-2026-000007",
    amount=Money(minor=123450, currency="EUR"),
    due=date(2026, 3, 14),
    on=date(2026, 3, 28),
    until=date(2026, 4, 1),
)


def letter(
    kind: MessageKind = MessageKind.suspension_notice, language: str = "en", to: str | None = "ada@example.com"
) -> Letter:
    message = Message(key="S-1-1:notice", customer="C-1", kind=kind, language=language, facts=FACTS, at=AT)
    return Texts().letter(message, "Ada {name} <i>", to, "DE")


def test_a_kind_of_message_that_ones_own_words_lack_is_as_shipped_or_in_english(tmp_path: Path) -> None:
    words = tmp_path / "words"
    words.mkdir()
    renewed = {"renewed_subject": "{plan} !", "renewed_body": "Merci, {name}"}
    (words / "fr.yaml").write_text(yaml.safe_dump(renewed))
    (words / "de.yaml").write_text(yaml.safe_dump({"renewed_subject": "{plan} läuft weiter"}, allow_unicode=True))
    texts = Texts(tmp_path)

    def written(kind: MessageKind, language: str) -> Letter:
        facts = FACTS.model_copy(update={"plan": "CRM"})
        return texts.letter(
            Message(key="k", customer="C-1", kind=kind, language=language, facts=facts, at=AT), "Ada", None, "FR"
        )

    french, german = written(MessageKind.renewed, "fr"), written(MessageKind.renewed, "de")
    assert (french.language, french.subject, french.text) == ("fr", "CRM !", "Merci, Ada")
    assert (german.subject, german.text.splitlines()[0]) == ("CRM läuft weiter", "Guten Tag Ada,")
    other = written(MessageKind.suspension_notice, "fr")
    assert (other.language, other.text.splitlines()[0]) == ("en", "Hello Ada,")


class Post:
    """Answers each recipient as told, and keeps what it takes."""

    def __init__(self) -> None:
        self.taken: list[EmailMessage] = []
        self.answer = "250 OK"

    async def handle_RCPT(self, server: Any, session: Any, envelope: Envelope, address: str, options: Any) -> str:
        envelope.rcpt_tos.append(address)
        return self.answer

    async def handle_DATA(self, server: Any, session: Any, envelope: Envelope) -> str:
        self.taken.append(message_from_bytes(bytes(envelope.content or b""), policy=default))  # type: ignore[arg-type]
        return "250 taken"


@contextmanager
def post_office() -> Iterator[tuple[Post, Mail]]:
    post, port = Post(), free_port()
    controller = Controller(post, hostname="127.0.0.1", port=port)
    controller.start()
    try:
        yield post, Mail(SecretStr(f"smtp://127.0.0.1:{port}"), "Turnup <billing@shop.example>")
    finally:
        controller.stop()


@pytest.mark.parametrize("kind", MessageKind)
def test_every_text_is_there_in_each_language_and_whoever_speaks_another_gets_english(kind: MessageKind) -> None:
    english, german = letter(kind), letter(kind, "de-AT")
    assert english.text != german.text
    assert letter(kind, "fi").text == english.text
    assert "Ada {name} <i>" in english.text
    assert "\n" not in german.subject


@pytest.mark.parametrize("language", ["en", "de"])
def test_where_something_can_be_fetched_is_in_the_text_alone(language: str) -> None:
    exported = MessageKind.exported
    message = Message(key="S-1-1:exported:mailhub", customer="C-1", kind=exported, language=language, facts=FACTS, at=AT)
    where = "https://files.example/{name}?signature=4711"

    written = Texts().letter(message, "Ada", "ada@example.com", "DE", where)

    assert where in written.text.split()
    assert where not in f"{written.subject}{written.facts}"


async def test_a_mail_arrives_under_its_key_in_the_customers_language_with_its_values_escaped() -> None:
    with post_office() as (post, mail):
        assert await mail.send(letter(language="de"))
        assert await mail.send(letter(language="de"))
    first, again = post.taken
    assert first["Message-ID"] == again["Message-ID"]
    assert (first["To"], first["Bcc"]) == ("ada@example.com", None)
    text, html = (first.get_body((kind,)).get_content() for kind in ("plain", "html"))  # type: ignore[union-attr]
    assert "1.234,50\N{NO-BREAK SPACE}€" in text
    assert "wird am 28.03.2026 gesperrt" in str(first["Subject"]).replace("\r\n", "") or "gesperrt" in str(first["Subject"])
    assert "&lt;b&gt;Team" in html
    assert "<b>" not in html


@pytest.mark.parametrize(("answer", "error"), [("550 no such box", Refused), ("451 come later", Unavailable)])
async def test_a_server_that_refuses_for_good_is_told_from_one_that_is_busy(answer: str, error: type[Exception]) -> None:
    with post_office() as (post, mail):
        post.answer = answer
        with pytest.raises(error) as refused:
            await mail.send(letter())
    assert "example.com" not in str(refused.value)


async def test_who_has_no_address_and_a_server_that_is_not_there() -> None:
    mail = Mail(SecretStr(f"smtp://127.0.0.1:{free_port()}"), "billing@shop.example")
    with pytest.raises(Unavailable):
        await mail.send(letter())
    for address in (None, 'a"b@example.com'):
        with pytest.raises(Refused, match="address"):
            await mail.send(letter(to=address))


@asynccontextmanager
async def listener(status: int, taken: list[Any]) -> AsyncIterator[str]:
    app = FastAPI()

    @app.post("/told")
    async def told(request: Request) -> Response:
        taken.append(Webhook(SECRET.get_secret_value()).verify(await request.body(), dict(request.headers)))
        return Response(status_code=status)

    async with serving(app) as url:
        yield f"{url}/told"


@pytest.mark.parametrize(("status", "error"), [(204, None), (410, Refused), (503, Unavailable)])
async def test_a_webhook_is_signed_and_its_answer_decides(status: int, error: type[Exception] | None) -> None:
    taken: list[Any] = []
    async with listener(status, taken) as url, httpx.AsyncClient(trust_env=False) as client:
        sender = MessageWebhook(url, SECRET, client)
        if error is None:
            assert await sender.send(letter())
        else:
            with pytest.raises(error):
                await sender.send(letter())
    assert [each["key"] for each in taken] == ["S-1-1:notice"]
