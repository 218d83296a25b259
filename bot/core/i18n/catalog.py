"""The texts that people read, as one type: the type checker refuses a language with one too few or too many.

A text is a template for `str.format`: `{name}` stands for a value that is given when it is said. A function
of an enum is written with `match` and no default, so that the type checker proves it complete as well.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Literal

from bot.core.facts.answer_types import FeedbackType
from bot.core.facts.attachment_kinds import AttachmentKind
from bot.core.facts.commands import Command
from bot.core.facts.logged_kinds import LoggedKind
from bot.core.facts.questions import Detail, Word

# Texts are neither compared nor shown as values; classes without methods for that are made in half the time.


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Plural:
    """A text that depends on `{number}`, by CLDR's plural categories; `other` stands for those left out."""

    other: str
    zero: str | None = None
    one: str | None = None
    two: str | None = None
    few: str | None = None
    many: str | None = None


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Formats:
    """Patterns of CLDR for dates, times and numbers.

    Attributes:
        locale: whose names of months, whose separators and plurals; such as `en` or `pt_BR`.
        short_date: room is scarce.
        day_span: from `{first}` to `{last}`; where the month is the same, `{first}` is the day alone.
        weekday_and_day: where the month is known.
        time: of the day.
        percent: of whole percents; `exact_percent`: with two decimals.
    """

    locale: str
    long_date: str
    day_and_month: str
    short_date: str
    day_span: str
    weekday_and_day: str
    weekday_and_date: str
    time: str
    percent: str
    exact_percent: str


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Counts:
    """Nouns that are counted in several texts."""

    days: Plural
    sessions: Plural
    questions: Plural
    updates: Plural


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class AnswerTypeTexts:
    """One answer.

    Attributes:
        label: of its button, behind its sign.
        name: in figures.
        help: when to tap it.
        said: what people write when they mean it, as in `Phrases`.
    """

    label: str
    name: str
    help: str
    said: str


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class AnswerTexts:
    """The answers, and the notices after a tap that counts, of at most 200 characters."""

    type: Callable[[FeedbackType], AnswerTypeTexts]
    later: str
    later_help: str
    saved: str
    saved_already: str
    superseded: str
    asked_again: str
    today: str
    tomorrow: str
    on_date: str
    received: str
    received_unjudged: str
    not_kept: str
    not_saved: str
    not_saved_after_all: str


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class RefusalTexts:
    """Notices after a tap that is not stored, of at most 200 characters; one for each reason."""

    foreign: str
    answered: str
    no_time_left: str
    paused: str
    no_answer: str
    other_answer: str
    no_alert: str
    no_note: str
    not_asked: str
    week_over: str
    forgotten: str
    too_old: str
    late: str
    unknown: str
    refused: str
    invalid: str


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class QuestionTexts:
    """One question that follows an answer.

    Attributes:
        line: what was said, below the answer; of questions that share a field, the first one's is for all.
        scale: what some numbers of a scale mean.
        short: what was said, where room is scarce.
        unsaid: the label of the button that puts it, where it is never put by itself.
    """

    question: str
    line: str
    scale: Mapping[int, str] = field(default_factory=dict)
    short: str = "{value}"
    unsaid: str | None = None


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class DetailTexts:
    """The questions that follow an answer.

    Attributes:
        word: the label of a button that says it in words.
    """

    question: Callable[[Detail], QuestionTexts]
    word: Callable[[Word], str]
    skip: str
    saved: str
    kept: str
    left_out: str
    asked_again: str


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class NoteTexts:
    """Replies to notes, which athletes write as replies to a question."""

    noted: str
    noted_tap: str
    changed: str
    too_long: str
    which: str
    foreign: str
    for_athletes: str
    anonymous: str


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class WordTexts:
    """What is said to words that are kept as a note (HTML), and the buttons below.

    Attributes:
        session_of: a session of which only the day is known.
        offered: what the note may be meant for.
        unanswered: the session has no answer yet.
    """

    noted: str
    noted_with: str
    session_of: str
    offered: str
    unanswered: str
    full: str
    full_there: str
    move_button: str
    back_button: str
    stay_button: str
    which: str
    no_other: str
    moved: str
    taken_back: str
    taken_back_toast: str
    nothing_to_undo: str


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class AttachmentTexts:
    """What came with an athlete's words, for the coach (HTML).

    Attributes:
        kind: what it is called.
    """

    line: str
    kind: Callable[[AttachmentKind], str]


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Phrases:
    """What people write in plain words, with commas between: in any case, with its accents or without them.

    Attributes:
        unclear: what says nothing, though it contains what does: `almost done`.
        negations: words that deny what follows them.
        buts: words behind which a sentence begins anew.
    """

    unclear: str
    negations: str
    buts: str


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class PromptTexts:
    """The question about a session, and the reminder in the morning (HTML)."""

    again_after_absence: str
    again_later: str
    again_as_nudge: str
    again_as_pending: str
    words_count: str
    words_count_in_reply: str
    how: str
    how_on_weekday: str
    how_on_date: str
    todays: Plural
    more: str
    intensity: str
    goal: str


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class LaterTexts:
    """The times that are offered to who taps Later, and the line in the question that shows which was taken.

    Attributes:
        in_an_hour, this_evening, tomorrow: labels of buttons.
        trace: the line; `{day}` is `today`, `on_weekday` or `on_date`, whichever is clear.
        choose: the notice that says what to do.
    """

    in_an_hour: str
    this_evening: str
    tomorrow: str
    trace: str
    today: str
    on_weekday: str
    on_date: str
    choose: str


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class CopyTexts:
    """Lines in earlier messages with a question that was asked again."""

    asked_below: str
    answered_below: str
    answered_above: str


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class PendingTexts:
    """Replies to /pending."""

    none: str
    all: Plural
    some: str


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class CoachAlertTexts:
    """The alert to the coach about pain, the notice to the athlete once it is seen, and what is told, to
    admins as well, of a plan that cannot be used (HTML)."""

    pain: str
    session: str
    without_name: str
    note: str
    changed: str
    gone: str
    seen_button: str
    seen_by: str
    notice: str
    seen: str
    plan_refused: str
    name_athletes: str


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class ChangesTexts:
    """What came of an athlete's answers (HTML).

    Attributes:
        said: an answer and its day, a day of the week or a date.
        changed: what a plan says has changed, with the answers.
        planned, planned_with: with one answer, or several, where the plan says nothing else.
    """

    said: str
    changed: str
    planned: str
    planned_with: str


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class CoachTexts:
    """Words between athletes and the coach, and the coach's commands.

    Attributes:
        a_coach: who wrote something, where Telegram gives no name.
        from_coach, sent_by_coach: what the athlete reads (HTML); the second where there are no words.
        sent_by_athlete: what the coach reads where there are no words (HTML).
        not_started, blocked, gone, not_delivered: news to the coach (HTML).
    """

    a_coach: str
    from_coach: str
    sent_by_coach: str
    sent_by_athlete: str
    read_by: str
    read_toast: str
    on_its_way: str
    on_its_way_later: str
    no_telegram: str
    not_started: str
    blocked: str
    gone: str
    not_delivered: str
    passed_on: str
    kept: str
    several: str
    not_here: str
    how_to_reply: str
    ask_usage: str
    athlete_usage: str
    several_called: str
    nobody_called: str
    help: str


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class CoachDigestTexts:
    """What the coach reads about a day, and about an athlete (HTML).

    Attributes:
        silent, pain: with `{since}`, a day of the week or a date.
        not_started, blocked, unreachable: why an athlete does not get messages.
        not_answered_yet, undelivered: how it stands with a session; the others are those of `WeekTexts`.
    """

    answered: str
    more: Plural
    nothing_for: str
    nobody: str
    none_silent: Plural
    no_sessions: str
    silent: Plural
    hurts: str
    pain: str
    paused: str
    paused_until: str
    not_started: str
    blocked: str
    unreachable: str
    not_answered_yet: str
    undelivered: str


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class PainTexts:
    """Pain besides the answers: /pain, the question how it is by now, and what the coach is told of both.

    Attributes:
        spoken: what athletes may write behind /pain besides the label of a button, in lower case and without
            accents.
        spoken_gone, spoken_same, spoken_worse: how they may write there how it is by now; likewise. Of what
            is better the level says more.
        somewhere: in place of a place that was not said.
        how_now: the question; `{where}` is what was said last.
        gone, same, worse: the answers to it, as buttons.
        noted, coach_is_told, coach_reads: the replies to /pain.
        words_noted: the reply to where it hurts, in words.
        got_worse, by_now: lines of the alert, in HTML.
        told_anew: below an alert in whose place there is a newer one.
    """

    spoken: Callable[[Word], tuple[str, ...]]
    spoken_gone: tuple[str, ...]
    spoken_same: tuple[str, ...]
    spoken_worse: tuple[str, ...]
    somewhere: str
    how_now: str
    gone: str
    same: str
    worse: str
    thanks: str
    noted: str
    coach_is_told: str
    coach_reads: str
    words_noted: str
    got_worse: str
    by_now: str
    told_anew: str


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class AdminAlertTexts:
    """Alerts to admins: a part is broken, or well again; entries of a journal are missing. Plain text."""

    telegram_broken: str
    mongodb_broken: str
    journal_broken: str
    backlog_broken: str
    telegram_well: str
    mongodb_well: str
    journal_well: str
    backlog_well: str
    dead_letters: str
    took_over: str
    took_over_all: str
    coach_unreachable: str
    not_started: str
    blocked: str
    removed: str
    muted: str
    and_more: str
    topic_lost: str
    entries_missing: str
    moment: str
    entries: str
    and_later: str
    all_after: str


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class PeopleTexts:
    """Greetings, invitations, pauses, help, and hints.

    Attributes:
        connected: what a person is told whom setup has just made an athlete.
        first_session: what they are asked about first, if they wish; the title of a session.
        help: names commands, as `{week}`; those that it does not name follow it in lines of their own.
        help_admin: for an admin who is no athlete.
    """

    what_i_do: str
    hello: str
    hello_admin: str
    hello_coach: str
    hello_stranger: str
    connected: str
    first_session: str
    enlisted: str
    enlisted_before: str
    as_name: str
    invitation_invalid: str
    invitation_private: str
    paused: str
    paused_open: str
    paused_until: str
    resumed: str
    pause_usage: str
    help: str
    help_admin: str
    try_help: str
    unknown_command: str
    not_done: str


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class PauseTexts:
    """What /pause offers, and how long a pause lasts in words, which are understood of all languages.

    Attributes:
        a_week, until_i_say: labels of buttons.
        begun: the notice once one is tapped.
        running_until, running_open: that there is a pause.
        open_words: for a pause until somebody ends it.
        until: words before a day.
        weekdays: from Monday on, each with what else it is called behind a space.
    """

    choose: str
    a_week: str
    until_i_say: str
    begun: str
    running_until: str
    running_open: str
    tomorrow: tuple[str, ...]
    week_words: tuple[str, ...]
    open_words: tuple[str, ...]
    day_units: tuple[str, ...]
    week_units: tuple[str, ...]
    until: tuple[str, ...]
    weekdays: tuple[str, str, str, str, str, str, str]


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class LogbookTexts:
    """/log: a session that no plan has.

    Attributes:
        kind: the label of a button.
        saved: the notice after the last tap.
    """

    kind: Callable[[LoggedKind], str]
    ask_what: str
    ask_minutes: str
    minutes: str
    unknown_minutes: str
    logged: str
    saved: str


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class AvailabilityTexts:
    """/availability: the days of a week, to be ticked."""

    question: str
    possible: str
    impossible: str


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class CommandTexts:
    """One command.

    Attributes:
        menu: what the menu says about it.
        help: what it does, behind its name in /help; None: another one's says it.
        for_others: what those are told whom it is not for; None: see `RuleTexts`.
        elsewhere: what is said where it is not carried out; None: see `RuleTexts`.
        aliases: what may be written in place of its name.
    """

    menu: str
    help: str | None
    for_others: str | None = None
    elsewhere: str | None = None
    aliases: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class RuleTexts:
    """Why a command, `{command}`, is not carried out.

    Attributes:
        later: the database is away.
    """

    for_athletes: str
    for_admins: str
    for_coach: str
    own_chat: str
    private: str
    later: str


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class LanguageTexts:
    """Replies to /language.

    Attributes:
        named: one language in the list that `usage` gives, `{languages}`.
        either: how that list is put together, by CLDR's styles; `standard` is "and".
    """

    present: str
    chosen: str
    automatic: str
    usage: str
    named: str
    either: Literal["or", "standard"]


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class PrivacyTexts:
    """Replies to /privacy, /mydata and /forgetme."""

    privacy: str
    coach: str
    mydata: str
    mydata_cut: str
    forget_button: str
    keep_button: str
    what_remains: str
    listed: str
    not_listed: str
    warning: str
    forgotten: str
    forgotten_long: str
    kept: str


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class WeekTexts:
    """An athlete's own week (HTML).

    Attributes:
        past, coming: what /week understands as the week before and the next one; the first is shown.
        not_answered_yet, ...: how it stands with a session.
    """

    past: tuple[str, ...]
    coming: tuple[str, ...]
    usage: str
    not_answered_yet: str
    not_answered: str
    answered_late: str
    answer_unknown: str
    paused: str
    undelivered: str
    not_asked: str
    not_due: str
    title: str
    no_sessions: str
    more: str
    answered: str
    pending: str
    done_share: str
    effort: str
    load: str
    next: str
    same: str
    fewer: str
    greater: str
    rest: str
    why: str
    no_plan: str


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class OutcomeTexts:
    """Names of outcomes of taps, in the list of those not written in `/stats`."""

    late: str
    invalid: str
    unknown: str
    refused: str
    postponed: str
    refused_command: str


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class PromptStateTexts:
    """Names of the states of questions, in `/stats`."""

    pending: str
    sent: str
    answered: str
    late: str
    expired: str
    undeliverable: str
    cancelled: str


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class FiguresTexts:
    """The figures of /stats, and their picture."""

    outcomes: OutcomeTexts
    prompts: PromptStateTexts
    by_day: str
    by_week: str
    weeks_title: str
    adherence: str
    response: str
    nothing: str
    title: str
    title_today: str
    rate: str
    no_taps: str
    waiting: str
    dead_letters: str
    answers: str
    cut: str
    sessions: str
    not_asked: str
    weeks: str
    weeks_answered: str
    hours: str
    notes: str
    delay: str
    not_written: str
    more: str
    questions: str
    last: str
    none: str
    no_picture: str
    no_extra: str
    usage: str
    later: str


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Texts:
    """All texts of one language.

    Attributes:
        menu: what the menu says about a command.
    """

    formats: Formats
    counts: Counts
    answers: AnswerTexts
    refusals: RefusalTexts
    details: DetailTexts
    notes: NoteTexts
    words: WordTexts
    phrases: Phrases
    attachments: AttachmentTexts
    prompts: PromptTexts
    later: LaterTexts
    copies: CopyTexts
    pending: PendingTexts
    coach_alerts: CoachAlertTexts
    changes: ChangesTexts
    coach: CoachTexts
    coach_digest: CoachDigestTexts
    pain: PainTexts
    admin_alerts: AdminAlertTexts
    people: PeopleTexts
    pauses: PauseTexts
    logbook: LogbookTexts
    availability: AvailabilityTexts
    languages: LanguageTexts
    command: Callable[[Command], CommandTexts]
    rules: RuleTexts
    privacy: PrivacyTexts
    week: WeekTexts
    figures: FiguresTexts
