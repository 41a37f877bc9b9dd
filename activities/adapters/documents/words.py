"""The words of a document in the recipient's language, and numbers, amounts and dates as they are written there."""

from collections import ChainMap
from collections.abc import Collection, Iterable, Iterator, Mapping
from datetime import date
from decimal import Decimal
from functools import lru_cache
from pathlib import Path

import yaml
from babel import Locale, UnknownLocaleError
from babel.dates import format_date, format_interval
from babel.numbers import format_decimal, get_currency_symbol, parse_pattern

from domain.billing.documents.en16931 import Days, major
from domain.billing.documents.parties import Recipient
from domain.billing.tax.jurisdictions import Jurisdiction
from domain.errors import Conflict
from domain.money import Money, exponent

FALLBACK = "en"


class Language:
    """Words and formats of one locale."""

    def __init__(self, locale: Locale, words: Mapping[str, str]) -> None:
        self.locale = locale
        self._words = words

    def __call__(self, word: str, **values: str) -> str:
        """The word with its values filled in; they stay as they are, braces and all. Conflict where it asks for others."""
        try:
            return self._words[word].format_map(values)
        except (LookupError, ValueError, AttributeError):
            named = ", ".join(f"{{{name}}}" for name in values) or "none"
            raise Conflict(f"words/{self.locale.language}.yaml: {word} is a text whose braces are {named}") from None

    def money(self, amount: Money) -> str:
        """With the currency's sign, and with as many decimals as ISO 4217 gives it."""
        written: str = self.locale.currency_formats["standard"].pattern
        if get_currency_symbol(amount.currency, self.locale)[-1].isalpha():
            written = written.replace("¤#", "¤\N{NO-BREAK SPACE}#")  # Unicode TS 35, part 3, section 3.2: spacing of currencies
        pattern = parse_pattern(written)
        pattern.frac_prec = (exponent(amount.currency),) * 2
        return str(pattern.apply(major(amount), self.locale, currency=amount.currency, currency_digits=False))

    def amount(self, amount: Money) -> str:
        """As in a column that names its currency."""
        return self.number(major(amount), exponent(amount.currency))

    def number(self, value: Decimal, least: int = 0) -> str:
        """With `least` decimals or more, as many as it has and not more than twelve."""
        most = max(least, 12)
        return format_decimal(value, f"#,##0.{'0' * least}{'#' * (most - least)}", self.locale)

    def percent(self, percent: Decimal) -> str:
        pattern = self.locale.percent_formats[None].pattern.replace("#,##0", "#,##0.######")
        return format_decimal(percent / 100, pattern, self.locale)

    def day(self, day: date) -> str:
        return format_date(day, "medium", self.locale)

    def days(self, days: Days) -> str:
        if days.first == days.last:
            return self.day(days.first)
        return format_interval(days.first, days.last, "yMMMd", locale=self.locale)

    def place(self, jurisdiction: Jurisdiction) -> str:
        country = self.country(jurisdiction.country)
        return f"{country}, {jurisdiction.region}" if jurisdiction.region else country

    def country(self, code: str) -> str:
        return str(self.locale.territories.get(code, code))

    @property
    def words(self) -> dict[str, str]:
        return dict(self._words)


def language_of(recipient: Recipient, folders: Iterable[Path], needed: Collection[str] | None = None) -> Language:
    """The recipient's language as it is written in its country, from `words/<language>.yaml`; where several folders have one,
    a word is from the first that has it. English where none has the language, or that lacks a word that is `needed`; where no
    words are named, all are, and one that is lacking is a Conflict, as is a file that is no YAML."""
    paths, asked = list(folders), recipient.language.split("-")[0].lower()
    words = _words(asked, paths)
    lacking = sorted((_words(FALLBACK, paths[-1:]).keys() if needed is None else set(needed)) - words.keys())
    if not lacking:
        return Language(_locale(asked, recipient), words)
    if words and needed is None:
        raise Conflict(f"words/{asked}.yaml: lacks {', '.join(lacking)}")
    return Language(_locale(FALLBACK, recipient), _words(FALLBACK, paths))


def _words(language: str, folders: Iterable[Path]) -> Mapping[str, str]:
    """Empty where no folder has the language."""
    files = [folder / "words" / f"{language}.yaml" for folder in folders]
    return ChainMap(*[dict(_read(path)) for path in files if path.is_file()])


def _read(path: Path) -> Mapping[str, str]:
    return _parsed(path, path.stat().st_mtime_ns)


@lru_cache(maxsize=64)
def _parsed(path: Path, modified: int) -> Mapping[str, str]:
    """Parsing takes as long as setting a page, so it is done again only for a file that was modified."""
    try:
        words = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise Conflict(f"words/{path.name}: is no YAML: {' '.join(str(error).split())}") from None
    if not isinstance(words, dict):
        raise Conflict(f"words/{path.name}: has to be a text for each word")
    return words


def _locale(language: str, recipient: Recipient) -> Locale:
    for tag in _tags(language, recipient):
        try:
            return Locale.parse(tag, sep="-")
        except (UnknownLocaleError, ValueError):
            continue
    raise Conflict(f"words/{language}.yaml: {language} is not a language that numbers and dates can be written in")


def _tags(language: str, recipient: Recipient) -> Iterator[str]:
    """As asked, as in the recipient's country, as in the world at large, and as such."""
    asked, _, region = recipient.language.partition("-")
    if region and asked.lower() == language:
        yield recipient.language
    yield f"{language}-{recipient.address.country}"
    yield f"{language}-001"
    yield language
