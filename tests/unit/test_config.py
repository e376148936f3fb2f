"""The configuration: what is read from where, and how an error reads."""

import re
import tomllib
from collections.abc import Mapping
from contextlib import suppress
from datetime import timedelta
from pathlib import Path
from typing import Literal
from zoneinfo import ZoneInfo

import hypothesis
import pytest
from hypothesis import strategies as st
from pydantic import Field, SecretStr, model_validator

from bot import adapters, wiring
from bot.classify import load_operators
from bot.config import Block, Config, load
from bot.domain.operators import Operator, Service
from bot.errors import ConfigError
from bot.ports import DestinationSettings, SourceSettings

TOKEN = "123456:AAF-a-made-up-token"


class Probe(SourceSettings):
    """Settings such as an adapter may have."""

    url: str = Field(default="", pattern=r"^https?://")
    depth: int = Field(default=1, ge=1, le=3)
    mode: Literal["rss", "atom"] = "rss"
    timeout: timedelta | None = None

    @model_validator(mode="after")
    def _not_both(self) -> "Probe":
        if self.depth == 3 and self.mode == "atom":
            raise ValueError("depth 3 and mode atom do not go together")
        return self


class Chat(DestinationSettings):
    """Settings with secrets."""

    token: SecretStr
    webhook_secret: SecretStr | None = None
    chat: int = 0


def read(tmp_path: Path, text: str, env: Mapping[str, str] | None = None) -> Config:
    path = tmp_path / "config.toml"
    path.write_text(text, encoding="utf-8")
    path.chmod(0o600)
    return load(path, env or {})


def errors(tmp_path: Path, text: str, env: Mapping[str, str] | None = None) -> list[str]:
    with pytest.raises(ConfigError) as caught:
        read(tmp_path, text, env)
    return str(caught.value).replace(f"{tmp_path}/", "").split("\n")


def block_errors(block: Block, settings: type[SourceSettings | DestinationSettings]) -> list[str]:
    with pytest.raises(ConfigError) as caught:
        block.settings(settings)
    return [line[line.index("config.toml") :] for line in str(caught.value).split("\n")]


# --- what is read ------------------------------------------------------------------------------------------------


def test_an_empty_file_is_all_defaults(tmp_path: Path) -> None:
    config = read(tmp_path, "")
    assert config.newsroom.language == "fr"
    assert config.newsroom.timezone == ZoneInfo("Europe/Paris")
    assert config.newsroom.budget == 1.0
    assert (config.store.path, config.store.keep_days) == (Path("var/vigie.db"), 30)
    assert (config.sources, config.handlers, config.targets) == ((), (), ())


def test_all_sections_are_read(tmp_path: Path) -> None:
    config = read(
        tmp_path,
        """
        [newsroom]
        name = "Gazette"
        language = "en"
        timezone = "Europe/Brussels"
        home = "71076"
        budget = 0.5
        contact = "desk@example.org"
        [store]
        path = "/srv/v.db"
        keep_days = 7
        [http]
        allow_private = ["LocalHost:8080", "[::1]:80"]
        [run]
        scenario_speed = 60
        """,
    )
    assert config.newsroom.name == "Gazette"
    assert (config.newsroom.home, config.newsroom.contact) == ("71076", "desk@example.org")
    assert config.store.path == Path("/srv/v.db")
    assert config.http.allow_private == {"localhost:8080", "[::1]:80"}
    assert config.run.scenario_speed == 60.0


def test_a_file_may_begin_with_a_byte_order_mark(tmp_path: Path) -> None:
    assert read(tmp_path, "\ufeff[newsroom]\nname = 'G'").newsroom.name == "G"


def test_the_environment_wins_over_the_file(tmp_path: Path) -> None:
    config = read(
        tmp_path,
        "[newsroom]\nname = 'file'\nhome = 'D71'",
        {"VIGIE_NEWSROOM__NAME": "environment", "VIGIE_HTTP__ALLOW_PRIVATE": '["127.0.0.1:1"]'},
    )
    assert (config.newsroom.name, config.newsroom.home) == ("environment", "D71")
    assert config.http.allow_private == {"127.0.0.1:1"}


def test_only_the_given_environment_is_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VIGIE_NEWSROOM__NAME", "process")
    assert read(tmp_path, "").newsroom.name == "La rédaction"


def test_without_a_file_the_demo_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "config.toml").write_text("not read", encoding="utf-8")
    config = load(None, {"VIGIE_NEWSROOM__LANGUAGE": "en"})
    assert config.file is None
    assert config.newsroom.language == "en"
    assert config.store.path == Path("var/demo.db")
    assert [(b.kind, dict(b.table)) for b in config.sources] == [("replay", {"scenario": "orange-mail"})]
    assert [b.kind for b in config.handlers] == ["console"]
    assert config.handlers[0].table["banner"].startswith("Demonstration: ")
    assert adapters.check_settings(config) == []


def test_names_are_the_kind_and_numbered_where_it_repeats(tmp_path: Path) -> None:
    config = read(
        tmp_path,
        """
        sources = [{kind = "feed"}, {kind = "feed", name = "feed-2"}, {kind = "feed"}, {kind = "page", name = "orange"}]
        handlers = [{kind = "telegram"}]
        targets = [{kind = "telegram"}]
        """,
    )
    assert [b.name for b in config.sources] == ["feed", "feed-2", "feed-3", "orange"]
    assert [b.name for b in config.handlers + config.targets] == ["telegram", "telegram-2"]


# --- operators ---------------------------------------------------------------------------------------------------

ORANGE = Operator("orange", "Orange", (Service.MOBILE,), ("orange",), (("Sosh", ("sosh",)),), homonym=True)


def test_operators_are_extended_and_added(tmp_path: Path) -> None:
    config = read(
        tmp_path,
        """
        [[operators]]
        id = "orange"
        services = ["mail", "mobile"]
        aliases = ["agrume"]
        brands = {"Orange Caraïbe" = ["orange caraibe"]}
        [[operators]]
        id = "regie_eau"
        name = "Régie des eaux"
        services = ["web"]
        """,
    )
    orange, added = config.operators([ORANGE])
    assert orange.services == (Service.MOBILE, Service.MAIL)
    assert orange.aliases == ("orange", "agrume")
    assert orange.brands == (("Sosh", ("sosh",)), ("Orange Caraïbe", ("orange caraibe",)))
    assert orange.homonym
    assert added == Operator("regie_eau", "Régie des eaux", (Service.WEB,))


@pytest.mark.parametrize(("given", "key"), [("", "name"), ("name = 'R'", "services")])
def test_a_new_operator_needs_name_and_services(tmp_path: Path, given: str, key: str) -> None:
    config = read(tmp_path, f"[[operators]]\nid = 'regie'\n{given}")
    with pytest.raises(ConfigError, match=rf"config\.toml: operators\[0\]\.{key}: is required for a new operator"):
        config.operators([ORANGE])


# --- errors of the file ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "error"),
    [
        ("[newsroom]\nlanguage = 'de'", "newsroom.language: must be 'fr' or 'en', got 'de'"),
        ("[newsroom]\nlangage = 'fr'", "newsroom.langage: unknown key: did you mean language?"),
        ("[newsroom]\ntimezone = 'Europe'", "newsroom.timezone: must be the name of a time zone, such as Europe/Paris"),
        ("[newsroom]\nbudget = nan", "newsroom.budget: must be a finite number"),
        ("[newsroom]\nbudget = 0", "newsroom.budget: must be more than 0, got 0"),
        (
            "[newsroom]\nhome = 'Mâcon'",
            "newsroom.home: must be the INSEE code of a commune (71076) or a département (D71)",
        ),
        ('[newsroom]\ncontact = "a@b\\nX: y"', "newsroom.contact: must be an e-mail address or a URL"),
        ('[newsroom]\nname = "G\\nX: y"', "newsroom.name: must be one line of text"),
        ("_env_file = '/etc/passwd'", "_env_file: unknown key"),
        ("newsroom = 3", "newsroom: must be a table"),
        ("sources = 3", "sources: must be a list"),
        ("[store]\nkeep_days = 0", "store.keep_days: must be at least 1, got 0"),
        ("[[source]]\nkind = 'feed'", "source: unknown key: did you mean sources?"),
        ("[[sources]]\nurl = 'https://x.test'", "sources[0].kind: is required"),
        (
            "[[sources]]\nkind = '../feed'",
            "sources[0].kind: must be lower-case letters, digits and _, beginning with a letter",
        ),
        (
            "[[sources]]\nkind = '_parser'",
            "sources[0].kind: must be lower-case letters, digits and _, beginning with a letter",
        ),
        (
            "sources = [{kind = 'feed', name = 'a'}, {kind = 'page', name = 'a'}]",
            "sources[1].name: 'a' is taken: names are unique",
        ),
        (
            "[[handlers]]\nkind = 'telegram'\nname = 'a'\n[[targets]]\nkind = 'feed'\nname = 'a'",
            "targets[0].name: 'a' is taken: names are unique",
        ),
        ("[newsroom", "not TOML: Expected ']' at the end of a table declaration (at end of document)"),
    ],
)
def test_an_error_names_file_and_key_and_what_was_expected(tmp_path: Path, text: str, error: str) -> None:
    assert errors(tmp_path, text) == [f"config.toml: {error}"]


def test_all_errors_are_told_at_once(tmp_path: Path) -> None:
    assert len(errors(tmp_path, "[newsroom]\nlanguage = 1\nbudget = -1\n[store]\nkeep_days = 0\n[x]\n")) == 4


@pytest.mark.parametrize(
    ("env", "error"),
    [
        ({"VIGIE_NEWSROOM__BUDGET": "much"}, "environment: VIGIE_NEWSROOM__BUDGET: must be a number"),
        ({"VIGIE_NEWSROM__BUDGET": "1"}, "environment: VIGIE_NEWSROM__BUDGET: unknown section: did you mean newsroom?"),
        ({"VIGIE_SOURCES": '[{"kind": 1}]'}, "environment: VIGIE_SOURCES[0].kind: must be text in quotes"),
    ],
)
def test_an_error_in_the_environment_names_the_variable(tmp_path: Path, env: dict[str, str], error: str) -> None:
    assert errors(tmp_path, "", env) == [error]


def test_a_list_in_the_environment_is_json(tmp_path: Path) -> None:
    (error,) = errors(tmp_path, "", {"VIGIE_HTTP__ALLOW_PRIVATE": "localhost"})
    assert error.endswith("lists and tables must be JSON")


def test_a_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"none\.toml: cannot be read: No such file"):
        load(tmp_path / "none.toml", {})


def test_hostile_files_are_errors_in_one_line(tmp_path: Path) -> None:
    path = tmp_path / "config.toml"
    for data in (b"\xff\xfe", b"a = " + b"[" * 5000, b"a = " + b"9" * 5000):
        path.write_bytes(data)
        with pytest.raises(ConfigError) as caught:
            load(path, {})
        assert "\n" not in str(caught.value)


@hypothesis.given(st.data())
def test_whatever_the_file_holds_it_is_read_or_refused(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    path = tmp_path_factory.mktemp("any") / "config.toml"
    whole = everything().encode()
    cut = data.draw(st.integers(0, len(whole)))
    path.write_bytes(whole[:cut] + data.draw(st.binary(max_size=8)) + whole[cut + data.draw(st.integers(0, 4)) :])
    with suppress(ConfigError):
        load(path, {})


# --- adapters' blocks --------------------------------------------------------------------------------------------


def source(tmp_path: Path, text: str) -> Block:
    return read(tmp_path, f"[[sources]]\nkind = 'probe'\n{text}").sources[0]


@pytest.mark.parametrize(
    ("given", "seconds"),
    [("90", 90), ("'90'", 90), ("'30s'", 30), ("'5m'", 300), ("'15min'", 900), ("'2 h'", 7200), ("'1j'", 86_400)],
)
def test_durations_are_numbers_of_seconds_or_have_a_unit(tmp_path: Path, given: str, seconds: int) -> None:
    settings = source(tmp_path, f"interval = {given}\ntimeout = {given}").settings(Probe)
    assert settings.interval == settings.timeout == timedelta(seconds=seconds)
    assert (settings.kind, settings.name) == ("probe", "probe")


@pytest.mark.parametrize(
    ("given", "error"),
    [
        ("interval = '5s'", "interval: must be at least 30s, got 5s"),
        ("interval = 'often'", "interval: must be a duration, such as 30s, 5m or 2h"),
        ("url = 'x.test'", "url: must be an http or https address"),
        ("depth = 9", "depth: must be at most 3, got 9"),
        ("depth = 'deep'", "depth: must be a whole number"),
        ("mode = 'xml'", "mode: must be 'rss' or 'atom', got 'xml'"),
        ("mod = 'rss'", "mod: unknown key: did you mean mode?"),
        (
            "colour = 1",
            "colour: unknown key: known are kind, name, interval, url, depth, mode, timeout",
        ),
    ],
)
def test_a_blocks_error_names_its_place(tmp_path: Path, given: str, error: str) -> None:
    assert block_errors(source(tmp_path, given), Probe) == [f"config.toml: sources[0].{error}"]


def test_a_blocks_own_rule_is_told_in_its_own_words(tmp_path: Path) -> None:
    block = source(tmp_path, "depth = 3\nmode = 'atom'")
    assert block_errors(block, Probe) == ["config.toml: sources[0]: depth 3 and mode atom do not go together"]


def test_an_unknown_kind_lists_the_known_ones(tmp_path: Path) -> None:
    error = str(source(tmp_path, "").unknown_kind(["page", "feed", "proba"]))
    assert error.endswith(
        "config.toml: sources[0].kind: unknown kind 'probe': did you mean proba? known are feed, page, proba"
    )


# --- secrets -----------------------------------------------------------------------------------------------------


def chat(tmp_path: Path, text: str, env: Mapping[str, str] | None = None, kind: str = "telegram") -> Block:
    return read(tmp_path, f"secrets_dir = '{tmp_path}'\n[[targets]]\nkind = '{kind}'\n{text}", env).targets[0]


def secret_file(tmp_path: Path, name: str, text: str, mode: int = 0o600) -> None:
    (tmp_path / name).write_text(text, encoding="utf-8")
    (tmp_path / name).chmod(mode)


def token(block: Block) -> str:
    return block.settings(Chat).token.get_secret_value()


def test_a_secret_may_stand_in_the_file_a_secret_file_or_the_environment(tmp_path: Path) -> None:
    assert token(chat(tmp_path, "token = 'toml'")) == "toml"
    secret_file(tmp_path, "telegram_token", "file\n")
    assert token(chat(tmp_path, "token = 'toml'")) == "file"
    assert token(chat(tmp_path, "token = 'toml'", {"VIGIE_TELEGRAM_TOKEN": "env"})) == "env"


def test_systemd_credentials_are_secret_files(tmp_path: Path) -> None:
    secret_file(tmp_path, "telegram_token", TOKEN, 0o400)
    config = read(tmp_path, "[[targets]]\nkind = 'telegram'", {"CREDENTIALS_DIRECTORY": str(tmp_path)})
    assert token(config.targets[0]) == TOKEN


def test_a_name_has_secrets_of_its_own(tmp_path: Path) -> None:
    env = {"VIGIE_TELEGRAM_TOKEN": "kind", "VIGIE_NIGHT_DESK_TOKEN": "name"}
    assert token(chat(tmp_path, "name = 'night-desk'", env)) == "name"


def test_a_channel_may_use_the_token_of_its_platform_but_prefers_its_own(tmp_path: Path) -> None:
    env = {"VIGIE_TELEGRAM_TOKEN": "bot"}
    assert token(chat(tmp_path, "", env, "telegram_channel")) == "bot"
    assert token(chat(tmp_path, "token = 'own'", env, "telegram_channel")) == "own"


def test_a_missing_secret_says_how_to_give_it(tmp_path: Path) -> None:
    for given in ("", "token = ''"):
        (error,) = block_errors(chat(tmp_path, given), Chat)
        assert error.startswith("config.toml: targets[0].token: is required: set VIGIE_TELEGRAM_TOKEN, or write it to")


@pytest.mark.parametrize("mode", [0o604, 0o644])
def test_a_secret_that_everybody_can_read_is_refused(tmp_path: Path, mode: int) -> None:
    secret_file(tmp_path, "telegram_token", TOKEN, mode)
    with pytest.raises(ConfigError, match=r"telegram_token: everybody .* run: chmod 600 ") as caught:
        chat(tmp_path, "").settings(Chat)
    assert TOKEN not in str(caught.value)


def test_a_configuration_with_a_secret_that_everybody_can_read_is_refused(tmp_path: Path) -> None:
    block = chat(tmp_path, f"token = '{TOKEN}'")
    (tmp_path / "config.toml").chmod(0o644)
    with pytest.raises(ConfigError, match=r"config\.toml: everybody .*targets\[0\]\.token is a secret; run: chmod 600"):
        block.settings(Chat)
    harmless = chat(tmp_path, "", {"VIGIE_TELEGRAM_TOKEN": TOKEN})
    (tmp_path / "config.toml").chmod(0o644)
    assert token(harmless) == TOKEN


@pytest.mark.parametrize(
    "given",
    [
        f"token = ['{TOKEN}']",
        f"token = {{a = '{TOKEN}'}}",
        f"chat = '{TOKEN}'",
        f"tocken = '{TOKEN}'",
        f"token = '{TOKEN}'\nchat = 1.5",
        f"name = '{TOKEN}'",
        f"interval = '{TOKEN}'",
    ],
)
def test_no_error_and_no_repr_shows_a_secret(tmp_path: Path, given: str) -> None:
    with pytest.raises(ConfigError) as caught:  # noqa: PT012 - either of them may be the one that finds it
        block = chat(tmp_path, given, {"VIGIE_X_TOKEN": TOKEN})
        assert TOKEN not in repr(block)
        block.settings(Chat)
    assert TOKEN not in str(caught.value)


# --- the example -------------------------------------------------------------------------------------------------

EXAMPLE = Path("config.example.toml").read_text(encoding="utf-8")
MADE_UP = {
    "VIGIE_TELEGRAM_TOKEN": TOKEN,
    "VIGIE_DISCORD_TOKEN": TOKEN,
    "VIGIE_X_BEARER_TOKEN": TOKEN,
    "VIGIE_WEBHOOK_SECRET": "made up, of at least 24 bytes",
    "VIGIE_EMAIL_PASSWORD": TOKEN,
}


def everything() -> str:
    """The example with every setting in use: those behind a `#` without a space, too."""
    return re.sub(r"^#(?=[a-z\[])", "", EXAMPLE, flags=re.MULTILINE)


def test_the_example_works_as_it_stands(tmp_path: Path) -> None:
    config = read(tmp_path, EXAMPLE)
    assert adapters.check_settings(config) == []
    assert config.handlers


def test_every_block_of_the_example_is_accepted_by_its_adapter(tmp_path: Path) -> None:
    config = read(tmp_path, everything(), MADE_UP)
    assert adapters.check_settings(config) == []
    known = {o.id for o in config.operators(load_operators(wiring.read_data("operators.toml").decode()))}
    assert {block.table["operator"] for block in config.sources if "operator" in block.table} <= known


def test_a_second_door_for_readers_is_refused(tmp_path: Path) -> None:
    twice = '[[sources]]\nkind = "readers"\n\n[[sources]]\nkind = "readers"\nper_person = 9\n'
    [line] = adapters.check_settings(read(tmp_path, twice))
    assert line.endswith("config.toml: sources[1].kind: only one block of kind 'readers' is possible")


@pytest.mark.parametrize("section", ["sources", "handlers", "targets"])
def test_the_example_shows_every_kind(tmp_path: Path, section: str) -> None:
    config = read(tmp_path, everything(), MADE_UP)
    blocks: tuple[Block, ...] = getattr(config, section)
    package = "handlers.targets" if section == "targets" else section
    assert {block.kind for block in blocks} == set(adapters.kinds(package))


def test_the_example_shows_every_key_of_every_section() -> None:
    shown = tomllib.loads(everything())
    for section in ("newsroom", "store", "http", "run"):
        fields = Config.__annotations__[section].model_fields
        assert set(shown[section]) == set(fields)
