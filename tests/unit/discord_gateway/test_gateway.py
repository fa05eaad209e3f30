"""One event of each kind, from Discord to the assistant and back."""

from fakes.assistant import FakeAssistant
from fakes.discord.server import FakeDiscord

from .conftest import Running


async def test_a_direct_message_is_answered(
    fake: FakeDiscord, assistant: FakeAssistant, running: Running
) -> None:
    ann = fake.person("Ann")
    async with running():
        fake.says(ann, "hello")
        [answer] = await fake.sent(fake.dm(ann))
    assert answer["content"] == "You said: hello"
