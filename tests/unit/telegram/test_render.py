"""What a text becomes: nothing of it lost, nothing added, nothing fetched."""

import pytest
from aiogram.types import InputRichMessage
from hypothesis import given
from hypothesis import strategies as st

from fakes.telegram.checks import check_entities, check_rich
from services.gateway.text import utf16_length
from services.telegram.render import MAX_LENGTH, Form, Styled, forms, preview


def shown(form: Form) -> tuple[str, list[tuple[str, str]]]:
    """The text of a plain message, and each entity's kind with the words it covers."""
    assert isinstance(form, Styled)
    return form.text, [(entity.type, entity.extract_from(form.text)) for entity in form.entities]


def html(form: Form) -> str | None:
    assert isinstance(form, InputRichMessage)
    return form.html


def test_styles_become_entities() -> None:
    styled, plain = forms("😀 **bold**, *slanted*, ~~gone~~, `code`, [link](https://example.org/)")
    assert shown(styled) == (
        "😀 bold, slanted, gone, code, link",
        [
            ("bold", "bold"),
            ("italic", "slanted"),
            ("strikethrough", "gone"),
            ("code", "code"),
            ("text_link", "link"),
        ],
    )
    assert plain == Styled("😀 **bold**, *slanted*, ~~gone~~, `code`, [link](https://example.org/)")


def test_code_blocks_keep_every_sign() -> None:
    code = "if a || b:\n    cost = '$5' + \"<b>\" ![x](y)"
    styled, _ = forms(f"```python\n{code}\n```")
    assert shown(styled) == (code, [("pre", code)])
    assert isinstance(styled, Styled)
    assert styled.entities[0].language == "python"


def test_lists_stay_readable() -> None:
    styled, _ = forms("- a\n- [ ] b\n- [x] c\n\n1. one\n2. two")
    assert shown(styled)[0].splitlines() == ["• a", "☐ b", "✅ c", "", "1. one", "2. two"]


@pytest.mark.parametrize(
    "text",
    [
        "use a || b || c",
        "it was $5, then $6; 5$ and 6$",
        "a <b>tag</b> and <!-- a comment -->",
        "<div>\nblock\n</div>",
        "\\$5 and \\\\$6",
        "x < y, y > z & so on",
    ],
)
def test_what_is_no_commonmark_is_shown_as_it_is(text: str) -> None:
    styled, _ = forms(text)
    assert shown(styled) == (text.replace("\\$", "$").replace("\\\\", "\\"), [])


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("1. Run it:\n   ```sh\n   x run\n   ```\n2. Done", ["1. Run it:", "x run", "2. Done"]),
        ("- **one**\n  > said\n- two", ["• one", "said", "• two"]),
        ("- a\n  - `b`\n    ~~~\n    c\n    ~~~\n- d", ["• a", "  • b", "c", "• d"]),
        ("> - a\n>   ```\n>   b\n>   ```\n>   c", ["• a", "b", "c"]),
        ("- [ ] a\n  ```\n  b\n  ```\n\n  **c**", ["☐ a", "b", "c"]),
        ("- ```\n  a\n  ```\n  `b`", ["• a", "b"]),
        ("- a\n  | b | c |\n  |---|---|\n  | 1 | 2 |", ["• a", "b | c", "--+--", "1 | 2"]),
        ("- a\n\n  ```\n  b\n  ```", ["• a", "b"]),
    ],
)
def test_blocks_in_lists_stand_on_lines_of_their_own(text: str, expected: list[str]) -> None:
    *_, styled, _ = forms(text)
    assert shown(styled)[0].splitlines() == expected


def test_an_image_in_a_link_becomes_its_words() -> None:
    badges = "[![build **now**](https://a.example/b.svg)](https://ci.example/) [![](x)](y)"
    styled, _ = forms(badges)
    assert shown(styled) == (
        "build now image",
        [("bold", "now"), ("text_link", "build now"), ("text_link", "image")],
    )
    assert isinstance(styled, Styled)
    assert styled.entities[1].url == "https://ci.example/"


def test_images_become_links() -> None:
    styled, _ = forms("![a map](https://example.org/a.png) ![](https://example.org/b.png)")
    assert shown(styled) == ("a map image", [("text_link", "a map"), ("text_link", "image")])
    rich, *_ = forms("# Maps\n\n![a map](https://example.org/a.png)")
    assert html(rich) == '<h1>Maps</h1><p><a href="https://example.org/a.png">a map</a></p>'


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("## Costs\n\nIt is $5 & up.", "<h2>Costs</h2><p>It is $5 &amp; up.</p>"),
        (
            "| a | b |\n|---|---|\n| $1 | 2 |",
            "<table><tr><th>a</th><th>b</th></tr><tr><td>$1</td><td>2</td></tr></table>",
        ),
        ("$$x^2$$", "<tg-math-block>x^2</tg-math-block>"),
    ],
)
def test_structure_makes_a_rich_message(text: str, expected: str) -> None:
    rich, styled, plain = forms(text)
    assert html(rich) == expected
    check_rich({"html": expected})
    assert isinstance(styled, Styled)
    assert plain == Styled(text)


def test_a_text_that_grows_too_long_is_sent_as_it_is() -> None:
    text = "- a\n" * (MAX_LENGTH // 4)
    assert all(utf16_length(form.text) <= MAX_LENGTH for form in forms(text) if isinstance(form, Styled))
    table = "|a|b|\n|-|-|\n" + f"|{'x' * 2000}|1|\n" + "|1|1|\n" * 300
    rich, *rest = forms(table)
    assert isinstance(rich, InputRichMessage)
    assert rest == [Styled(table)]


def test_a_text_of_which_nothing_shows_is_sent_as_it_is() -> None:
    assert forms("[a]: https://example.org/") == [Styled("[a]: https://example.org/")]


def test_a_preview_is_styled_though_unfinished() -> None:
    assert shown(preview("**bold** and `half")) == ("bold and `half", [("bold", "bold")])
    assert preview("[a]: b") == Styled("[a]: b")


@given(st.text(alphabet="ab1 \n*_`~$|<>![]()#-\\&;😀é", max_size=200))
def test_no_text_breaks_it(text: str) -> None:
    *better, last = forms(text)
    assert last == Styled(text)
    for form in better:
        if isinstance(form, Styled):
            assert form.text.strip()
            check_entities(form.text, [entity.model_dump(mode="json") for entity in form.entities])
