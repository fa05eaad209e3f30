"""A file that came with a command is fetched from Discord, from nowhere else, and brought into the memory."""

import pytest
import yarl

from fakes.assistant import FakeAssistant, accepted, final
from fakes.discord.faults import Banned, Cut, Failed, Fault, Hangs, RateLimited, Redirected
from fakes.discord.rest import FILES
from fakes.discord.server import FakeDiscord
from services.discord import fetch as fetch_module
from services.discord.fetch import CDN, LARGEST_FILE, fetch, origins
from services.errors import NotFound, Unavailable
from services.stubs.assistant.v1 import assistant_pb2 as pb

from .conftest import Running


async def had(fake: FakeDiscord, address: str) -> bytes:
    return await fetch(origins(fake.base), address)


def test_without_another_discord_files_come_from_its_own_network() -> None:
    assert origins(None) == CDN
    assert origins("http://127.0.0.1:8080/api/v10") == {yarl.URL("http://127.0.0.1:8080")}


async def test_a_file_comes_whole(fake: FakeDiscord) -> None:
    content = bytes(range(256)) * 1000
    assert await had(fake, fake.address(fake.file("memory.jsonl", content))) == content


async def test_a_file_of_the_largest_size_comes_and_a_larger_one_does_not(fake: FakeDiscord) -> None:
    largest = fake.file("memory.jsonl", b"x" * LARGEST_FILE)
    assert len(await had(fake, fake.address(largest))) == LARGEST_FILE
    with pytest.raises(NotFound, match="larger"):
        await had(fake, fake.address(fake.file("memory.jsonl", b"x" * (LARGEST_FILE + 1))))


async def test_a_file_that_is_gone_is_not_asked_for_twice(fake: FakeDiscord) -> None:
    file = fake.file("memory.jsonl", b"{}")
    fake.removes(file)
    with pytest.raises(NotFound) as raised:
        await had(fake, fake.address(file))
    assert file.signature not in repr(raised.value)
    assert len(fake.requests(FILES)) == 1


async def test_a_file_that_is_refused_is_not_asked_for_twice(fake: FakeDiscord) -> None:
    fake.fault(FILES, Failed(403))
    with pytest.raises(NotFound):
        await had(fake, fake.address(fake.file("memory.jsonl", b"{}")))
    assert len(fake.requests(FILES)) == 1


@pytest.mark.parametrize(
    "fault", [Failed(), Cut(), RateLimited(0.01), Banned()], ids=["failed", "cut", "limited", "banned"]
)
async def test_while_discord_is_away_the_file_can_be_asked_for_again(fake: FakeDiscord, fault: Fault) -> None:
    file = fake.file("memory.jsonl", b"{}")
    # aiohttp asks once more by itself where the connection broke.
    fake.fault(FILES, *[fault] * (2 if isinstance(fault, Cut) else 1))
    with pytest.raises(Unavailable) as raised:
        await had(fake, fake.address(file))
    assert file.signature not in repr(raised.value)
    assert await had(fake, fake.address(file)) == b"{}"


async def test_a_hanging_discord_is_given_up(fake: FakeDiscord, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fetch_module, "DOWNLOAD_SECONDS", 0.05)
    fake.fault(FILES, Hangs())
    with pytest.raises(Unavailable):
        await had(fake, fake.address(fake.file("memory.jsonl", b"{}")))


async def test_another_server_is_never_asked(fake: FakeDiscord) -> None:
    """Neither one that a forged reference names, nor one that Discord sends us to."""
    async with FakeDiscord() as other:
        foreign = other.address(other.file("memory.jsonl", b"{}"))
        fake.fault(FILES, Redirected(foreign))
        redirected = fake.address(fake.file("memory.jsonl", b"{}"))
        disguised = foreign.replace("//", f"//{fake.origin.removeprefix('http://')}@")
        for address in (redirected, foreign, disguised):
            with pytest.raises(NotFound):
                await had(fake, address)
        assert other.rest.requests == []
    assert len(fake.requests(FILES)) == 1


@pytest.mark.parametrize(
    "reference",
    [
        "",
        "12/34/56",
        "//cdn.discordapp.com/a",
        "http://cdn.discordapp.com/a",
        "https://cdn.discordapp.com:8443/a",
        "https://cdn.discordapp.com.example.org/a",
        "https://example.org/cdn.discordapp.com",
        "https://[::1",
        "file:///etc/hostname",
    ],
)
async def test_what_is_no_address_on_discord_is_not_found(reference: str) -> None:
    with pytest.raises(NotFound):
        await fetch(origins(None), reference)


class TestImport:
    """What became of the file takes the place of "thinking…"."""

    @pytest.fixture(autouse=True)
    def _import(self, assistant: FakeAssistant) -> None:
        assistant.manifest.commands.add(name="import", description="Bring a memory", file="file")
        assistant.answer = lambda request: [
            accepted(),
            final(
                request,
                "I can't fetch files here yet.",
                fetch=pb.Fetch(reference=request.command.file.reference, author=request.author),
            ),
        ]

    async def test_a_file_is_brought_in(
        self, fake: FakeDiscord, assistant: FakeAssistant, running: Running
    ) -> None:
        ann = fake.person("Ann")
        general = fake.channel(fake.guild("Lab", admins=[ann]), "general")
        content = b'{"a": "line"}\n' * 100_000
        async with running():
            await fake.until(lambda: bool(fake.routes.commands))
            asked = fake.slash(ann, "import", channel=general, file=fake.file("memory.jsonl", content))
            [answer] = await fake.sent(general)
            await assistant.until(lambda: bool(assistant.acknowledgements))
        [request] = assistant.requests
        [(first, brought)] = assistant.imports
        assert brought == content
        assert first.find_later
        assert first.actor == pb.Actor(place=request.place, author=request.author)
        assert first.actor.author.role == pb.CHAT_ROLE_ADMIN
        assert int(answer["id"]) == asked.original
        assert answer["content"] == f"I have brought in {len(content)} bytes."
        assert assistant.acknowledgements[0].delivered.message_ids == [answer["id"]]

    async def test_a_file_that_cannot_be_had_is_told_and_no_log_names_its_address(
        self,
        fake: FakeDiscord,
        assistant: FakeAssistant,
        running: Running,
        capfd: pytest.CaptureFixture[str],
    ) -> None:
        ann = fake.person("Ann")
        file = fake.file("memory.jsonl", b"{}")
        fake.fault(FILES, Failed(), Failed(404))
        async with running():
            await fake.until(lambda: bool(fake.routes.commands))
            asked = fake.slash(ann, "import", file=file)
            [answer] = await fake.sent(fake.dm(ann))
        assert int(answer["id"]) == asked.original
        assert "send it again" in answer["content"]
        assert assistant.imports == []
        log = "".join(capfd.readouterr())
        assert "delivery acknowledged" in log
        assert file.signature not in log
