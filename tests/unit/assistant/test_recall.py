"""Making less of what was recalled. What recall finds is shown against Postgres."""

from questions import instruction, message, recalled
from services.assistant.domain import Recollection
from services.assistant.recall import shorter


def test_the_best_lines_and_the_newest_talk_are_kept_and_what_always_holds() -> None:
    lines = tuple(recalled(f"m{number}", f"{number}" * 80) for number in range(8))
    beyond = recalled("m9", "9" * 80, shown=False)
    recent = tuple(message(f"{number}" * 100) for number in range(8))
    cut = shorter(Recollection((instruction("Rhyme."),), (*lines, beyond), recent))
    assert [each.handle for each in cut.recalled if each.shown] == ["m0", "m1"]
    assert len(cut.recalled) == 9
    assert cut.recent == recent[-2:]
    assert [each.text for each in cut.instructions] == ["Rhyme."]


def test_the_best_line_is_kept_whatever_it_takes() -> None:
    cut = shorter(Recollection(recalled=(recalled("m1", "long " * 200), recalled("m2", "short"))))
    assert [each.shown for each in cut.recalled] == [True, False]
    assert shorter(Recollection()) == Recollection()
