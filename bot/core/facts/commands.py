"""The chat commands: for whom each is, where it is carried out, and whether it changes something.

A new one is a member here, a handler in `bot.services.chat`, and its texts in each language. Menus, /help,
who is refused, and what is done in the order of arrival derive from these.
"""

from __future__ import annotations

from enum import Enum, StrEnum, auto


class Audience(Enum):
    """For whom a command is."""

    EVERYBODY = auto()
    KNOWN = auto()
    """Athletes, admins and the coach; the others see it in their menu."""
    ATHLETES = auto()
    ADMINS = auto()
    COACH = auto()
    """Whoever writes in the coach's chat, and there alone."""


class Place(Enum):
    """In which chats a command is carried out."""

    ANYWHERE = auto()
    """The coach's chat included, for whoever writes there."""
    OWN_CHAT = auto()
    """The private chat, and the one in which the athlete is asked."""
    PRIVATE = auto()


class Effect(Enum):
    """Whether a command changes something.

    A change is made in the order in which updates came, and is durable before it is told; a command that
    changes nothing is replied to beside that.
    """

    NONE = auto()
    CHANGE = auto()
    WITH_ARGUMENT = auto()
    """A change if something stands behind the command, nothing without."""


class Command(StrEnum):
    """A command by its name, which people write behind a slash; in the order of the menus."""

    START = "start", Audience.EVERYBODY, Place.ANYWHERE, Effect.WITH_ARGUMENT
    HELP = "help", Audience.EVERYBODY, Place.ANYWHERE
    WEEK = "week", Audience.ATHLETES, Place.PRIVATE
    PENDING = "pending", Audience.ATHLETES, Place.OWN_CHAT, Effect.CHANGE
    UNDO = "undo", Audience.ATHLETES, Place.OWN_CHAT, Effect.CHANGE
    PAUSE = "pause", Audience.ATHLETES, Place.PRIVATE, Effect.WITH_ARGUMENT
    RESUME = "resume", Audience.ATHLETES, Place.PRIVATE, Effect.CHANGE
    PAIN = "pain", Audience.ATHLETES, Place.PRIVATE, Effect.CHANGE
    LOG = "log", Audience.ATHLETES, Place.PRIVATE, Effect.CHANGE
    AVAILABILITY = "availability", Audience.ATHLETES, Place.PRIVATE
    LANGUAGE = "language", Audience.KNOWN, Place.PRIVATE, Effect.CHANGE
    MYDATA = "mydata", Audience.ATHLETES, Place.PRIVATE
    FORGETME = "forgetme", Audience.ATHLETES, Place.PRIVATE, Effect.CHANGE
    PRIVACY = "privacy", Audience.EVERYBODY, Place.PRIVATE
    TODAY = "today", Audience.COACH, Place.ANYWHERE
    ATHLETE = "athlete", Audience.COACH, Place.ANYWHERE
    ASK = "ask", Audience.COACH, Place.ANYWHERE, Effect.CHANGE
    SILENT = "silent", Audience.COACH, Place.ANYWHERE
    STATS = "stats", Audience.ADMINS, Place.PRIVATE

    _value_: str
    audience: Audience
    place: Place
    effect: Effect

    def __new__(cls, name: str, audience: Audience, place: Place, effect: Effect = Effect.NONE) -> Command:
        """A name that knows its rules."""
        member = str.__new__(cls, name)
        member._value_, member.audience, member.place, member.effect = name, audience, place, effect
        return member

    def is_for(self, *, is_athlete: bool, is_admin: bool, is_coach: bool = False) -> bool:
        """Whether it does something for such a person; `is_coach`: in the coach's chat."""
        match self.audience:
            case Audience.EVERYBODY:
                return True
            case Audience.KNOWN:
                return is_athlete or is_admin or is_coach
            case Audience.ATHLETES:
                return is_athlete
            case Audience.ADMINS:
                return is_admin
            case Audience.COACH:
                return is_coach

    def is_offered_to(self, *, is_athlete: bool, is_admin: bool, is_coach: bool = False) -> bool:
        """Whether such a person has it in their menu; `is_coach`: that of the coach's chat."""
        if is_coach and not (is_athlete or is_admin):  # what works there for whoever writes there
            return self.audience in (Audience.COACH, Audience.EVERYBODY) and self.place is Place.ANYWHERE
        return self.audience is Audience.KNOWN or self.is_for(
            is_athlete=is_athlete, is_admin=is_admin, is_coach=is_coach
        )

    def changes(self, argument: str) -> bool:
        """Whether it changes something, with this behind it."""
        return self.effect is Effect.CHANGE or (self.effect is Effect.WITH_ARGUMENT and argument != "")
