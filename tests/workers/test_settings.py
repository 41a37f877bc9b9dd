from pathlib import Path

import pytest

from activities.runtime.settings import SettingsError, as_environment, load_settings, settings_table

pytestmark = pytest.mark.usefixtures("bare_environment")


def problems() -> list[str]:
    with pytest.raises(SettingsError) as refused:
        load_settings()
    return refused.value.problems


def test_without_any_setting_everything_is_embedded() -> None:
    settings = load_settings()

    assert (settings.database_url, settings.temporal_address, settings.sandbox_url) == (None, None, None)
    assert settings.data_dir == Path(".turnup")


def test_a_misspelt_setting_is_refused_with_the_right_name(bare_environment: pytest.MonkeyPatch) -> None:
    bare_environment.setenv("TURNUP_API_PROT", "8080")

    assert problems() == ["TURNUP_API_PROT: there is no such setting; did you mean TURNUP_API_PORT?"]


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("TURNUP_API_PORT", "eighty", "should be a valid integer"),
        ("TURNUP_API_PORT", "70000", "should be less than or equal to 65535"),
        ("TURNUP_DATABASE_URL", "mysql://host/name", "should look like postgresql://"),
        ("TURNUP_TEMPORAL_ADDRESS", "host", "should look like host:7233"),
        ("TURNUP_CALLBACK_URL", "host:80", "should look like https://host:port"),
        ("TURNUP_LOG_LEVEL", "loud", "should be 'debug', 'info', 'warning' or 'error'"),
        ("TURNUP_PARTNER_SECRETS", "{", "should be JSON such as"),
        ("TURNUP_PARTNER_SECRETS", '{"fibreworks": "x"}', "the secret of fibreworks should begin with whsec_"),
        ("TURNUP_CONSOLE_SECRET", "short", "should have 32 characters or more"),
        ("TURNUP_TEMPORAL_TLS_CERT", "/cert.pem", "give both or neither"),
    ],
)
def test_a_wrong_value_is_refused_in_one_line_that_names_it(
    bare_environment: pytest.MonkeyPatch, name: str, value: str, said: str
) -> None:
    bare_environment.setenv(name, value)

    [problem] = problems()

    assert name.lower() in problem.lower()
    assert said in problem


def test_each_wrong_setting_gets_its_own_line(bare_environment: pytest.MonkeyPatch) -> None:
    bare_environment.setenv("TURNUP_API_PORT", "x")
    bare_environment.setenv("TURNUP_POSTGRES_PORT", "0")
    bare_environment.setenv("TURNUP_NONSENSE", "1")

    assert len(problems()) == 3


def test_a_refusal_never_shows_the_value(bare_environment: pytest.MonkeyPatch) -> None:
    bare_environment.setenv("TURNUP_DATABASE_URL", "mysql://user:hunter2@host/name")

    assert "hunter2" not in problems()[0]


def test_the_file_is_read_and_the_environment_wins(bare_environment: pytest.MonkeyPatch) -> None:
    Path("turnup.toml").write_text('api_port = 9001\ngateway = "backup"\n[partner_secrets]\nfibreworks = "whsec_YQ=="\n')
    bare_environment.setenv("TURNUP_API_PORT", "9002")

    settings = load_settings()

    assert (settings.api_port, settings.gateway) == (9002, "backup")
    assert settings.partner_secrets["fibreworks"].get_secret_value() == "whsec_YQ=="


def test_an_unknown_name_in_the_file_is_refused() -> None:
    Path("turnup.toml").write_text("api_prot = 9001\n")

    assert problems() == ["api_prot: there is no such setting; did you mean api_port?"]


@pytest.mark.parametrize(("content", "said"), [("api_port =", "is not TOML"), (None, "cannot read")])
def test_an_unreadable_file_is_named(bare_environment: pytest.MonkeyPatch, content: str | None, said: str) -> None:
    bare_environment.setenv("TURNUP_CONFIG", "other.toml")
    if content:
        Path("other.toml").write_text(content)

    [problem] = problems()

    assert "other.toml" in problem
    assert said in problem


def test_a_child_reads_the_same_settings(bare_environment: pytest.MonkeyPatch) -> None:
    given = load_settings(api_port=9001, partner_secrets={"fibreworks": "whsec_YQ=="}, temporal_tls=True)

    for name, value in as_environment(given).items():
        bare_environment.setenv(name, value)

    assert load_settings() == given.model_copy(update={"data_dir": given.data_dir.absolute()})


def test_no_secret_shows_when_settings_are_printed() -> None:
    settings = load_settings(
        database_url="postgresql://u:hunter2@h/n", api_key="hunter2", partner_secrets={"p": "whsec_hunter2"}
    )

    assert "hunter2" not in repr(settings)


def test_every_setting_is_documented() -> None:
    assert all(meaning for _name, _default, meaning in settings_table())
    assert ("TURNUP_API_HOST", "127.0.0.1", "interface the API listens on") in settings_table()


@pytest.mark.parametrize(
    ("gateways", "words"),
    [
        ('{"cards": {"kind": "stripe"}}', "needs its api_key"),
        ('{"cards": {"kind": "stripe", "api_key": "sk_1", "url": "http://stripe.example"}}', "should begin with https://"),
        ('{"cards": {"kind": "sandbox"}}', "needs its url"),
        ('{"cards": {"kind": "other"}}', "TURNUP_GATEWAYS.cards.kind"),
        ("nonsense", "should be JSON such as"),
    ],
)
def test_gateways_that_make_no_sense_are_named_without_their_keys(
    bare_environment: pytest.MonkeyPatch, gateways: str, words: str
) -> None:
    bare_environment.setenv("TURNUP_GATEWAYS", gateways)
    with pytest.raises(SettingsError) as refused:
        load_settings()

    assert words in str(refused.value)
    assert "sk_1" not in str(refused.value)


def test_the_default_gateway_is_one_that_there_is(bare_environment: pytest.MonkeyPatch) -> None:
    bare_environment.setenv("TURNUP_GATEWAYS", '{"cards": {"kind": "stripe", "api_key": "sk_1"}}')
    with pytest.raises(SettingsError, match="TURNUP_GATEWAY: should be one of TURNUP_GATEWAYS, which are cards"):
        load_settings()

    bare_environment.setenv("TURNUP_GATEWAY", "cards")
    settings = load_settings()

    assert list(settings.all_gateways()) == ["cards"]
    assert "sk_1" not in repr(settings)
    assert "sk_1" in as_environment(settings)["TURNUP_GATEWAYS"]
