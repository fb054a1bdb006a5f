"""Where the local system lives, and how .env and the environment change that."""

from pathlib import Path

import pytest

from local import config as module
from local.config import Config, read_env_file


@pytest.fixture(autouse=True)
def alone(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Hide a person's own .env and environment."""
    monkeypatch.setattr(module, "ROOT", tmp_path)
    for name in ("PORT", "SALES_STATE", "SMS_TEXT", "LIST_SHARDS", "SMS_LEASE_SECONDS", "DYNAMODB_ENDPOINT",
                 "OKTA_ISSUER", "OKTA_AUDIENCE", "CONSOLE_CLIENT_ID"):  # fmt: skip
        monkeypatch.delenv(name, raising=False)


def test_by_default_the_ports_begin_at_8000_and_the_state_is_in_the_project(tmp_path: Path) -> None:
    config = Config.from_environ()
    addresses = [config.api_url, config.issuer_url, config.sandbox_url, config.database_url, config.runtime_url]
    assert addresses == [f"http://127.0.0.1:{port}" for port in range(8000, 8005)]
    assert config.issuer == "http://127.0.0.1:8001/oauth2/default"
    assert config.state == tmp_path / ".local"


def test_another_issuer_replaces_the_local_one_with_its_audience_and_client(monkeypatch: pytest.MonkeyPatch) -> None:
    trusted = ("OktaIssuer", "OktaAudience", "ConsoleClientId")
    for name, value in (("OKTA_AUDIENCE", "api://sales"), ("CONSOLE_CLIENT_ID", "")):
        monkeypatch.setenv(name, value)
    # Its audience belongs to it.
    own = ("http://127.0.0.1:8001/oauth2/default", "api://default", "sales-console")
    assert tuple(Config.from_environ().parameters[name] for name in trusted) == own
    monkeypatch.setenv("OKTA_ISSUER", "https://shop.eu.auth0.com/")
    config = Config.from_environ()
    assert tuple(config.parameters[name] for name in trusted) == ("https://shop.eu.auth0.com/", "api://sales", "")
    assert (config.issuer, config.has_own_issuer) == ("https://shop.eu.auth0.com/", False)
    monkeypatch.setenv("CONSOLE_CLIENT_ID", "0oa1")
    monkeypatch.setenv("OKTA_AUDIENCE", "")
    assert tuple(Config.from_environ().parameters[name] for name in trusted)[1:] == ("api://default", "0oa1")


def test_port_moves_all_of_them(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PORT", "9000")
    assert Config.from_environ().runtime_url == "http://127.0.0.1:9004"
    assert Config.from_environ().overrides["SMS_ENDPOINT"] == "http://127.0.0.1:9002"


@pytest.mark.parametrize("port", ["80", "65535", "-1", "http", "8000.5", "٨٠٠٠"])
def test_an_impossible_port_is_refused(port: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PORT", port)
    with pytest.raises(ValueError, match="PORT must be a number"):
        Config.from_environ()


def test_commands_find_the_running_systems_port_unless_port_is_set(monkeypatch: pytest.MonkeyPatch) -> None:
    config = Config.from_environ()
    assert Config.of_running().port == 8000
    config.state.mkdir()
    config.port_file.write_text("9300\n")
    assert Config.of_running().port == 9300
    monkeypatch.setenv("PORT", "9400")
    assert Config.of_running().port == 9400


def test_env_file_lines_may_be_quoted_exported_and_commented(tmp_path: Path) -> None:
    file = tmp_path / ".env"
    file.write_text(
        '# a comment\n\nexport LIST_SHARDS=4\nSMS_TEXT="Hi {name} # really"\nSMS_PRICES={"+254": "KES 0.80"}\n'
        "SMS_SENDER='MYSHOP'  # ours\nLOG_LEVEL = DEBUG # loud\n"
    )  # fmt: skip
    assert read_env_file(file) == {
        "LIST_SHARDS": "4",
        "SMS_TEXT": "Hi {name} # really",
        "SMS_PRICES": '{"+254": "KES 0.80"}',
        "SMS_SENDER": "MYSHOP",
        "LOG_LEVEL": "DEBUG",
    }


def test_a_line_break_may_be_written_in_double_quotes(tmp_path: Path) -> None:
    file = tmp_path / ".env"
    file.write_text("SMS_TEXT=\"Hi {name},\\nyour {item}\"\nSMS_SENDER='a\\nb'\nLOG_LEVEL=a\\nb\n")
    assert read_env_file(file) == {"SMS_TEXT": "Hi {name},\nyour {item}", "SMS_SENDER": "a\\nb", "LOG_LEVEL": "a\\nb"}


def test_nothing_in_a_value_is_replaced_by_another_setting(tmp_path: Path) -> None:
    file = tmp_path / ".env"
    file.write_text("A=1\nB=${A} $A\n")
    assert read_env_file(file) == {"A": "1", "B": "${A} $A"}


@pytest.mark.parametrize("line", ["not a line", "NAME", 'SMS_TEXT="open', "=value"])
def test_a_line_that_cannot_be_read_is_named(tmp_path: Path, line: str) -> None:
    file = tmp_path / ".env"
    file.write_text(f"A=1\n{line}\n")
    with pytest.raises(ValueError, match=r"\.env, line 2: write NAME=value"):
        read_env_file(file)


@pytest.mark.parametrize(
    ("line", "value"),
    [
        (r'A="Hi {name},\nyour {item}"', "Hi {name},\nyour {item}"),
        (r"A='Hi {name},\nyour {item}'", r"Hi {name},\nyour {item}"),
        (r"A=Hi {name},\nyour {item}", r"Hi {name},\nyour {item}"),
        (r'A="say \"hi\"" # to them', 'say "hi"'),
        (r"A='it\'s' # quoted", "it's"),
        (r'A="a\\nb"', r"a\nb"),
        (r'A="tab\tand return\r"', "tab\tand return\r"),
        (r'A="C:\shop"', r"C:\shop"),
        (r"""A='say "hi"'""", 'say "hi"'),
    ],
)
def test_a_backslash_in_quotes_writes_a_line_break_or_a_quote(line: str, value: str, tmp_path: Path) -> None:
    (tmp_path / ".env").write_text(f"{line}\n")
    assert read_env_file(tmp_path / ".env") == {"A": value}


def test_the_environment_wins_over_the_file_and_an_empty_value_means_the_default(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / ".env").write_text("LIST_SHARDS=4\nSMS_TEXT=\nSMS_LEASE_SECONDS=7\nDYNAMODB_ENDPOINT=\n")
    assert Config.from_environ().parameters["ListShards"] == "4"
    monkeypatch.setenv("LIST_SHARDS", "5")
    config = Config.from_environ()
    assert config.parameters["ListShards"] == "5"
    assert "SmsText" not in config.parameters
    assert config.overrides["SMS_LEASE_SECONDS"] == "7"
    assert config.overrides["SMS_RETRY_SECONDS"] == "2"
    assert config.overrides["DYNAMODB_ENDPOINT"] == config.database_url
