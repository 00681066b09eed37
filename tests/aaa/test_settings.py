import tomllib
from pathlib import Path

import pytest

from aaa import settings, settings_file, settings_template
from aaa.settings import ConfigurationError


def write(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "farandole.toml"
    path.write_text(text)
    return path


def test_nothing_said_means_the_defaults() -> None:
    found = settings_file.load(None, {})
    assert found.radius.auth_port == 1812
    assert found.database_url == "sqlite:////var/lib/farandole/farandole.db"


def test_the_environment_is_on_top_of_the_file(tmp_path: Path) -> None:
    path = write(tmp_path, '[radius]\nauth_port = 11812\nacct_port = 11813\n[mail]\nsender = "a@b"')
    environment = {
        "FARANDOLE_RADIUS__AUTH_PORT": "21812",
        "FARANDOLE_STATE__DIRECTORY": str(tmp_path),
        "FARANDOLE_DATABASE__TIMEOUT_SECONDS": "2.5",
        "FARANDOLE_CONFIG": str(path),
        "OTHER": "ignored",
    }
    found = settings_file.load(None, environment)
    assert (found.radius.auth_port, found.radius.acct_port) == (21812, 11813)
    assert found.state.directory == tmp_path
    assert found.database.timeout_seconds == 2.5
    assert found.mail.sender == "a@b"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("[radius]\nauth_prot = 1", ["radius.auth_prot", "Did you mean auth_port?"]),
        ("[radios]\nauth_port = 1", ["radios", "Did you mean radius?"]),
        ('[radius]\nauth_port = "a"', ["radius.auth_port", "FARANDOLE_RADIUS__AUTH_PORT"]),
        ("[radius]\nauth_port = 70000", ["radius.auth_port", "65535"]),
        ('[radius]\naddress = "localhost"', ["radius.address", "IP address"]),
        ('[radius]\nradsec_versions = "1.2"', ["radius.radsec_versions", '"1.0,1.1"']),
        ('[radius]\nradsec_versions = ""', ["radius.radsec_versions", '"1.0,1.1"']),
        ('[database]\nurl = "mysql://x"', ["database.url", "postgresql://"]),
        ('[portal]\npublic_url = "wifi"', ["portal.public_url", "https://"]),
        ('[mail]\nurl = "http://x"', ["mail.url", "smtp://"]),
        ('[monitoring]\nlog_format = "xml"', ["monitoring.log_format", "json"]),
        (
            '[eap]\ntls_minimum = "1.3"\ntls_maximum = "1.2"',
            ["eap.tls_maximum", "less than eap.tls_minimum"],
        ),
        ("[radius\n", ["farandole.toml", "TOML"]),
    ],
)
def test_a_mistake_names_the_setting_and_the_remedy(
    tmp_path: Path, text: str, words: list[str]
) -> None:
    with pytest.raises(ConfigurationError) as caught:
        settings_file.load(write(tmp_path, text), {})
    message = str(caught.value)
    assert "\n" not in message
    for word in words:
        assert word in message


@pytest.mark.parametrize("written", ["1.0,1.1", "1.1, 1.0", "1.0, 1.1,1.1"])
def test_versions_are_a_list(tmp_path: Path, written: str) -> None:
    found = settings_file.load(write(tmp_path, f'[radius]\nradsec_versions = "{written}"'), {})
    assert found.radius.radsec_versions == "1.0,1.1"


def test_an_unknown_variable_is_a_mistake_too() -> None:
    with pytest.raises(ConfigurationError, match=r"radius\.auth_prot"):
        settings_file.load(None, {"FARANDOLE_RADIUS__AUTH_PROT": "1"})


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="--config"):
        settings_file.load(tmp_path / "none.toml", {})


@pytest.mark.parametrize(
    ("public_url", "server_name"),
    [
        ("https://wifi.village.example", "radius.wifi.village.example"),
        ("https://wifi.été.example:8443/portal", "radius.wifi.xn--t-9fab.example"),
        ("http://192.0.2.1:8080", "radius.home.arpa"),
        ("http://[2001:db8::1]:8080", "radius.home.arpa"),
        ("http://localhost", "radius.home.arpa"),
        (f"https://{'é' * 70}.example", "radius.home.arpa"),
    ],
)
def test_the_server_is_called_after_the_portal(public_url: str, server_name: str) -> None:
    found = settings_file.load(None, {"FARANDOLE_PORTAL__PUBLIC_URL": public_url})
    assert found.server_name == server_name


def test_the_server_is_called_what_the_setting_says() -> None:
    found = settings_file.load(None, {"FARANDOLE_EAP__SERVER_NAME": "aaa.village.example"})
    assert found.server_name == "aaa.village.example"


def test_the_description_is_a_file_that_loads_and_says_every_default(tmp_path: Path) -> None:
    text = settings_template.describe()
    uncommented = "\n".join(
        line.removeprefix("# ") if " = " in line and not line.endswith(".") else line
        for line in text.splitlines()
    )
    assert settings_file.load(write(tmp_path, uncommented), {}) == settings.Settings()
    assert tomllib.loads(text) == {name: {} for name in settings.Settings.model_fields}
