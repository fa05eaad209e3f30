"""The one error tree of the project.

    RemiError
    ├── SettingsError        a knob has a bad value; stops the start
    ├── InvalidEvent         a request that can never be served; names the field
    ├── NotUnderstood        words that ask for something that can't be done; the message tells the person why
    ├── NotAllowed           the caller may not do this
    ├── NotFound             the thing named does not exist, or is not the caller's to see
    ├── Unavailable          something Remi rests on is away; try again
    │   ├── StoreUnavailable     Postgres
    │   └── ModelUnavailable     a model endpoint
    │       ├── EmptyAnswer          it answered nothing: another try may bring more, or never
    │       └── ModelMisconfigured   it wants another key or name, or money: the operator must act
    ├── ModelRefused         the model endpoint will not take this call, ever
    │   └── ContextTooLong       it is longer than the model can read
    ├── Unreadable           a row that this version can't read: broken, or written by a newer one
    └── Fenced               another worker has taken this over; what was done here is void

A message of these errors may be shown to an operator: it holds ids and field names, never what people said.
"""


class RemiError(Exception):
    """Every error that Remi raises on purpose."""


class SettingsError(RemiError):
    """A setting has a value Remi can't start with."""


class InvalidEvent(RemiError):
    """A request is malformed; `field` names the first field at fault, as in the contract."""

    def __init__(self, field: str, problem: str) -> None:
        super().__init__(f"{field}: {problem}")
        self.field = field
        self.problem = problem


class NotUnderstood(RemiError):
    """What a person asked for can't be done as they put it. The message is a sentence for them."""


class NotAllowed(RemiError):
    """The caller may not do this here."""


class NotFound(RemiError):
    """There is no such thing in the spaces the caller may see."""


class Unavailable(RemiError):
    """Something Remi rests on is away; the same call may work later."""


class StoreUnavailable(Unavailable):
    """Postgres does not answer."""


class ModelUnavailable(Unavailable):
    """A model endpoint does not answer, or broke off.

    `retry_after`: so many seconds it wants to be left alone. `is_passing`: another try may work at once.
    """

    def __init__(self, message: str, retry_after: float = 0, *, is_passing: bool = True) -> None:
        super().__init__(message)
        self.retry_after = retry_after
        self.is_passing = is_passing


class EmptyAnswer(ModelUnavailable):
    """A model endpoint answers, but with no text."""


class ModelMisconfigured(ModelUnavailable):
    """A model endpoint refuses the key, has no credit left, or does not know the model."""

    def __init__(self, message: str) -> None:
        super().__init__(message, is_passing=False)


class ModelRefused(RemiError):
    """A model endpoint refuses the call for good."""


class ContextTooLong(ModelRefused):
    """A call is longer than the model can read: a shorter one may be taken."""


class Unreadable(RemiError):
    """A row holds what this version does not know; it is left as it is. The message names its ids."""


class Fenced(RemiError):
    """The lease was lost: another worker has taken over, nothing of this attempt counts."""
