"""Messages by e-mail, through the SMTP server of the installation."""

import asyncio
import contextlib
import smtplib
import ssl
from collections.abc import Iterator
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime
from hashlib import sha256
from html import escape
from urllib.parse import unquote, urlsplit

from pydantic import SecretStr

from domain.errors import Refused, Unavailable
from domain.messages import Letter

SECONDS = 20.0
"""Bounds each word of the talk with the server."""
LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})


class Mail:
    """`url` is `smtps://user:password@host:465`, or `smtp://…` for STARTTLS. A server that is not on this machine has to offer
    TLS, with a certificate that holds, before it is told a password or an address."""

    def __init__(self, url: SecretStr, sender: str) -> None:
        self._url = url
        self._sender = sender

    async def send(self, letter: Letter) -> bool:
        if letter.to is None:
            raise Refused("the customer has no e-mail address", "no_address")
        await asyncio.to_thread(self._deliver, self._written(letter, letter.to), letter.to)
        return True

    def _written(self, letter: Letter, to: str) -> EmailMessage:
        """As text and as HTML, every value escaped."""
        message = EmailMessage(policy=SMTP)
        domain = self._sender.rpartition("@")[2].rstrip(">")
        try:
            message["To"] = Address(addr_spec=to)
        except ValueError:
            raise Refused("the customer's e-mail address is none that mail can be sent to", "no_address") from None
        message["From"] = self._sender
        message["Subject"] = letter.subject
        message["Date"] = format_datetime(letter.at)
        message["Message-ID"] = f"<{sha256(letter.key.encode()).hexdigest()[:32]}@{domain}>"
        message["Content-Language"] = letter.language
        message["Auto-Submitted"] = "auto-generated"  # RFC 3834: no automatic answers, please
        message.set_content(letter.text)
        paragraphs = "".join(f"<p>{escape(each)}</p>" for each in letter.text.split("\n") if each.strip())
        message.add_alternative(f'<html lang="{escape(letter.language)}"><body>{paragraphs}</body></html>', subtype="html")
        return message

    def _deliver(self, message: EmailMessage, to: str) -> None:
        try:
            with self._connected() as server:
                server.send_message(message, to_addrs=[to])
        except smtplib.SMTPRecipientsRefused as error:
            raise _of_code(next(iter(error.recipients.values()))[0]) from None
        except smtplib.SMTPResponseException as error:
            raise _of_code(error.smtp_code) from None
        except smtplib.SMTPNotSupportedError:
            raise Unavailable("the mail server lacks what is needed: TLS, a password, or addresses in other scripts") from None
        except (smtplib.SMTPException, OSError, UnicodeError) as error:
            raise Unavailable(f"the mail server does not answer as it should ({type(error).__name__})") from None

    @contextlib.contextmanager
    def _connected(self) -> Iterator[smtplib.SMTP]:
        url = urlsplit(self._url.get_secret_value())
        host, context = url.hostname or "localhost", ssl.create_default_context()
        server: smtplib.SMTP
        if url.scheme == "smtps":
            server = smtplib.SMTP_SSL(host, url.port or 465, timeout=SECONDS, context=context)
        else:
            server = smtplib.SMTP(host, url.port or 587, timeout=SECONDS)
        with server:
            if url.scheme == "smtp" and host not in LOOPBACK:
                server.starttls(context=context)
            if url.username:
                server.login(unquote(url.username), unquote(url.password or ""))
            yield server


def _of_code(code: int) -> Refused | Unavailable:
    """RFC 5321, section 4.2.1: a code of 500 or more is for good."""
    said = f"the mail server answered {code}"
    return Refused(said, f"smtp_{code}") if code >= 500 else Unavailable(said)
