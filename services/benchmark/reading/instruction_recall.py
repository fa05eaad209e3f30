"""Instruction recall: the part before or after another, or its number, in the steps as they were told."""

from collections.abc import Sequence

from services.benchmark.datasets import instruction_recall
from services.benchmark.reading.lines import Line
from services.benchmark.reading.templates import Told, asked, made_from

_QUESTIONS = (instruction_recall.AFTER, instruction_recall.BEFORE, instruction_recall.COUNT)
_HEAD = instruction_recall.TOLD.removesuffix("\n{steps}")
_STEPS = tuple(f"{{number}}. {step}" for step in instruction_recall.STEPS)


def read(question: str, lines: Sequence[Line]) -> str | None:
    """The answer, "" if the step isn't there; None if another dataset is asked."""
    wanted = asked(question, _QUESTIONS)
    if wanted is None:
        return None
    steps = _steps(wanted.fields["machine"], lines)
    number = next((at for at, step in steps.items() if step.fields["part"] == wanted.fields["part"]), 0)
    if wanted.template == instruction_recall.COUNT:
        return steps[number].fields["count"] if number else ""
    beside = steps.get(number + (1 if wanted.template == instruction_recall.AFTER else -1))
    return beside.fields["part"] if number and beside else ""


def _steps(machine: str, lines: Sequence[Line]) -> dict[int, Told]:
    """By number, of the instructions for this machine that were told last."""
    steps: dict[int, Told] = {}
    is_of_it = False
    for line in lines:
        head = made_from(line.text, (_HEAD,))
        if line.begins and not line.is_reply:
            is_of_it = head is not None and head.fields["machine"] == machine
            steps = {} if is_of_it else steps
        elif is_of_it and not line.is_reply and (step := made_from(line.text, _STEPS)):
            steps[int(step.fields["number"])] = step
    return steps
