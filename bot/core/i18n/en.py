"""All texts in English."""

from __future__ import annotations

from collections.abc import Mapping

from bot.core.facts.answer_types import FeedbackType
from bot.core.facts.attachment_kinds import AttachmentKind
from bot.core.facts.commands import Command
from bot.core.facts.logged_kinds import LoggedKind
from bot.core.facts.questions import Detail, Word
from bot.core.i18n.catalog import (
    AdminAlertTexts,
    AnswerTexts,
    AnswerTypeTexts,
    AttachmentTexts,
    AvailabilityTexts,
    ChangesTexts,
    CoachAlertTexts,
    CoachDigestTexts,
    CoachTexts,
    CommandTexts,
    CopyTexts,
    Counts,
    DetailTexts,
    FiguresTexts,
    Formats,
    LanguageTexts,
    LaterTexts,
    LogbookTexts,
    NoteTexts,
    OutcomeTexts,
    PainTexts,
    PauseTexts,
    PendingTexts,
    PeopleTexts,
    Phrases,
    Plural,
    PrivacyTexts,
    PromptStateTexts,
    PromptTexts,
    QuestionTexts,
    RefusalTexts,
    RuleTexts,
    Texts,
    WeekTexts,
    WordTexts,
)


def _answer(type_: FeedbackType) -> AnswerTypeTexts:
    match type_:
        case FeedbackType.DONE:
            return AnswerTypeTexts(
                label="Done",
                name="done",
                help="you did it as planned",
                said=(
                    "done, all done, done it, did it, did it all, i did, did the session, did my session, "
                    "did the run, finished, finished it, completed, completed it, got it done, nailed it, "
                    "as planned"
                ),
            )
        case FeedbackType.SKIPPED:
            return AnswerTypeTexts(
                label="Skipped",
                name="skipped",
                help="you did not do it",
                said=(
                    "skip, skipped, skipped it, did not do it, didn't do it, did not do anything, "
                    "didn't do anything, did not go, didn't go, did not run, didn't run, did not train, "
                    "didn't train, could not do it, couldn't do it, could not make it, couldn't make it, "
                    "could not go, couldn't go, couldn't run, couldn't train, can't make it, missed it, "
                    "missed the session, no run today, no training today, haven't done it, have not done it"
                ),
            )
        case FeedbackType.HARD:
            return AnswerTypeTexts(
                label="Hard",
                name="hard",
                help="you did it and it was harder than it should have been",
                said=(
                    "hard, too hard, so hard, very hard, really hard, tough, very tough, brutal, exhausting, "
                    "struggled"
                ),
            )
        case FeedbackType.PAIN:
            return AnswerTypeTexts(
                label="Pain",
                name="pain",
                help="something hurt",
                said="hurt, hurts, hurting, it hurts, pain, pains, painful, in pain, aches, injured",
            )


def _question(detail: Detail) -> QuestionTexts:
    match detail:
        case Detail.RPE:
            return QuestionTexts(
                question="How hard was the session as a whole, 0 to 10?",
                line="Effort (RPE) {what}",
                scale=_EFFORT,
                short="RPE {value}",
            )
        case Detail.PLACE:
            return QuestionTexts(question="Where does it hurt?", line=_HURTS)
        case Detail.SIDE:
            return QuestionTexts(question="Which side?", line=_HURTS, short="({value})")
        case Detail.WORDS:
            return QuestionTexts(
                question="✍️ Where exactly? Just write it here in a few words.", line=_HURTS, short="“{value}”"
            )
        case Detail.PAIN:
            return QuestionTexts(
                question="How bad is it, 0 to 10?",
                line=_HURTS,
                scale={0: "no pain", 10: "the worst pain"},
                short="{value}/10",
            )
        case Detail.COMPLETED:
            return QuestionTexts(
                question="Did you do the session?", line="Session {what}", short="done: {value}"
            )
        case Detail.REASON:
            return QuestionTexts(question="What kept you from it?", line="Reason: {what}")
        case Detail.CHANGE:
            return QuestionTexts(question="What was different?", line=_CHANGED, unsaid="changed?")
        case Detail.MOVED:
            return QuestionTexts(question="Will you do it another day?", line=_CHANGED, unsaid="moved?")


# Foster's words for the CR-10 scale; 6, 8 and 9 have none.
_EFFORT: Mapping[int, str] = {
    0: "rest",
    1: "very, very easy",
    2: "easy",
    3: "moderate",
    4: "somewhat hard",
    5: "hard",
    7: "very hard",
    10: "maximal",
}
_HURTS = "Hurts: {what}"
_CHANGED = "Changed: {what}"


def _word(word: Word) -> str:
    match word:
        case "foot":
            return "foot"
        case "achilles":
            return "Achilles"
        case "ankle":
            return "ankle"
        case "calf":
            return "calf"
        case "shin":
            return "shin"
        case "knee":
            return "knee"
        case "hamstring":
            return "hamstring"
        case "thigh":
            return "thigh"
        case "hip":
            return "hip"
        case "back":
            return "back"
        case "shoulder":
            return "shoulder"
        case "other":
            return "other"
        case "left":
            return "left"
        case "right":
            return "right"
        case "both":
            return "both"
        case "all":
            return "all"
        case "part":
            return "part"
        case "no":
            return "no"
        case "ill":
            return "ill"
        case "tired":
            return "tired"
        case "no time":
            return "no time"
        case "weather":
            return "weather"
        case "shortened":
            return "shortened"
        case "swapped":
            return "something else"
        case "moved":
            return "moved to another day"


def _kind(kind: LoggedKind) -> str:
    match kind:
        case "run":
            return "🏃 run"
        case "ride":
            return "🚴 ride"
        case "swim":
            return "🏊 swim"
        case "strength":
            return "🏋️ strength"
        case "walk":
            return "🚶 walk"
        case "mobility":
            return "🧘 mobility"


def _spoken(word: Word) -> tuple[str, ...]:
    return _SPOKEN.get(word, ())


_SPOKEN: Mapping[Word, tuple[str, ...]] = {
    "foot": ("heel", "toe", "sole"),
    "calf": ("calves",),
    "thigh": ("quad", "quads"),
    "hip": ("groin", "glute"),
    "back": ("lower back",),
}


def _command(command: Command) -> CommandTexts:
    match command:
        case Command.START:
            return CommandTexts(menu="Who I am, and your Telegram id", help="shows your Telegram id")
        case Command.HELP:
            return CommandTexts(menu="What I can do", help="this page")
        case Command.WEEK:
            return CommandTexts(
                menu="Your week, with your answers",
                help="shows your week",
                elsewhere="Your week is yours: please send me /week in a private chat.",
            )
        case Command.PENDING:
            return CommandTexts(menu="What is still unanswered", help="what is unanswered")
        case Command.UNDO:
            return CommandTexts(menu="Take your last note back", help="takes your last note back")
        case Command.PAUSE:
            return CommandTexts(
                menu="Stop the questions for a while",
                help=(
                    "stops the questions: for some days, until a day (/pause friday) or until you send"
                    " /resume"
                ),
                for_others=_PAUSE_FOR_OTHERS,
                elsewhere=_PAUSE_ELSEWHERE,
            )
        case Command.RESUME:
            return CommandTexts(
                menu="End the pause",
                help=None,
                for_others=_PAUSE_FOR_OTHERS,
                elsewhere=_PAUSE_ELSEWHERE,
            )
        case Command.PAIN:
            return CommandTexts(
                menu="Tell of pain, on any day",
                help="tells of pain, on any day (/pain knee 5)",
                elsewhere="What hurts is yours to tell: please send me /pain in a private chat.",
            )
        case Command.LOG:
            return CommandTexts(
                menu="Log a session that is not in the plan", help="logs a session that is not in your plan"
            )
        case Command.AVAILABILITY:
            return CommandTexts(
                menu="The days on which you can train",
                help="tells your coach on which days of the coming week you can train",
            )
        case Command.LANGUAGE:
            return CommandTexts(
                menu="Change the language",
                help="changes the language",
                elsewhere="Please send me /language in a private chat, so that I do not mix anybody up.",
            )
        case Command.MYDATA:
            return CommandTexts(
                menu="Send me all that is stored about me",
                help="sends it to you",
                for_others=(
                    "/mydata is for athletes in training: about anybody else I store no answers."
                    " /start says more."
                ),
                elsewhere="Your data are yours: please send me /mydata in a private chat.",
            )
        case Command.FORGETME:
            return CommandTexts(
                menu="Delete what is stored about me",
                help="deletes it",
                for_others=(
                    "/forgetme is for athletes in training: about anybody else I store no answers."
                    " /start says more."
                ),
            )
        case Command.PRIVACY:
            return CommandTexts(menu="What is stored, and who sees it", help="says what is stored")
        case Command.TODAY:
            return CommandTexts(
                menu="Who answered what, and who did not", help="shows the day of all athletes"
            )
        case Command.ATHLETE:
            return CommandTexts(menu="Two weeks of an athlete", help="NAME shows two weeks of an athlete")
        case Command.ASK:
            return CommandTexts(menu="Write to an athlete", help="NAME WORDS writes to an athlete")
        case Command.SILENT:
            return CommandTexts(menu="Who does not answer", help="shows who leaves questions unanswered")
        case Command.STATS:
            return CommandTexts(
                menu="Figures, for admins",
                help="[days] shows figures, for admins",
                elsewhere="I show figures in a private chat only. Please send me /stats there.",
            )


_PAUSE_FOR_OTHERS = "/pause and /resume are for athletes in training. /start says more."
_PAUSE_ELSEWHERE = "Please send me /pause and /resume in a private chat, so that I do not mix anybody up."


def _attachment(kind: AttachmentKind) -> str:
    match kind:
        case "animation":
            return "GIF"
        case "audio":
            return "audio file"
        case "contact":
            return "contact"
        case "dice":
            return "dice"
        case "document":
            return "file"
        case "location":
            return "location"
        case "photo":
            return "photo"
        case "poll":
            return "poll"
        case "sticker":
            return "sticker"
        case "video":
            return "video"
        case "video_note":
            return "video message"
        case "voice":
            return "voice message"


_PHRASES = Phrases(
    unclear=(
        "not done, not done yet, not yet done, almost done, nearly done, half done, not all done, "
        "well done, will be done, to be done, not finished, almost finished, did not finish, "
        "didn't finish, did not finish it, didn't finish it, could not finish, couldn't finish, "
        "could not finish it, couldn't finish it, couldn't complete, couldn't complete it, "
        "did not complete, didn't complete, did not complete it, didn't complete it, did half, "
        "did half of it, did part of it, nothing hurts, nothing hurt, no pain, no pains, pain free, "
        "pain is gone, pain gone, without pain, does not hurt, doesn't hurt, did not hurt, didn't hurt, "
        "no longer hurts, stopped hurting, hard to say, hard to tell, hard work, worked hard, work hard, "
        "hard day, hard week, skip rope, rope skip"
    ),
    negations=(
        "not, no, never, nothing, none, without, nor, didn't, don't, doesn't, wasn't, weren't, isn't, "
        "haven't, hasn't, won't, couldn't, can't, cannot, wouldn't, hardly, barely, almost, nearly"
    ),
    buts="but, though, although, however",
)


TEXTS = Texts(
    formats=Formats(
        locale="en",
        long_date="EEEE, d MMMM y",
        day_and_month="d MMMM",
        short_date="d MMM",
        day_span="{first} to {last}",
        weekday_and_day="EEEE d",
        weekday_and_date="EEEE d MMMM",
        time="HH:mm",
        percent="#,##0 %",
        exact_percent="0.00 %",
    ),
    counts=Counts(
        days=Plural(one="{number} day", other="{number} days"),
        sessions=Plural(one="{number} session", other="{number} sessions"),
        questions=Plural(one="{number} question", other="{number} questions"),
        updates=Plural(one="{number} update", other="{number} updates"),
    ),
    answers=AnswerTexts(
        type=_answer,
        later="⏰ Later",
        later_help="you choose when I ask again",
        saved="Saved: {label}. Tap another button to change it.",
        saved_already="{label} is saved already. Tap another button to change it.",
        superseded="You have answered again since. Saved: {label}.",
        asked_again="All right, I will ask again {day} at {time}.",
        today="today",
        tomorrow="tomorrow",
        on_date="on {date}",
        received="Got it! Your answer is kept safely and will be saved shortly.",
        received_unjudged="Got it! Your tap is kept safely, and I will see to it shortly.",
        not_kept=(
            "I cannot keep your answer at the moment. If that is mended within two minutes, it is"
            " recorded by itself; if not, please tap again later."
        ),
        not_saved="Something is wrong with this answer and it could not be saved. Please tell your coach.",
        not_saved_after_all=(
            "I told you that I had got your tap. Something is wrong with it, and it could not be saved"
            " after all. Please tell your coach."
        ),
    ),
    refusals=RefusalTexts(
        foreign=(
            "This question is for another athlete in this chat, so nothing was changed. I ask about your"
            " sessions separately."
        ),
        answered="You have answered this already, so I will not ask again. Tap another answer to change it.",
        no_time_left=(
            "Answers count for {days}, so I cannot ask about this session again later. Please tap an"
            " answer now."
        ),
        paused=(
            "You are on a pause, so I do not ask again. Please tap an answer now, or send me /resume first."
        ),
        no_answer="I have no answer of yours to this yet. Please tap one of the answers first.",
        other_answer="Your answer is another one by now, so this was not recorded.",
        no_alert="I do not remember this message any more, so nobody was told.",
        no_note="I do not remember this note any more, so nothing was changed.",
        not_asked=(
            "This button has expired, so it did nothing. Send me /forgetme if you want everything deleted."
        ),
        week_over="This week is over, so nothing was changed. Send /availability for the coming one.",
        forgotten="You have had everything deleted since, and this went with it.",
        too_old="This message is too old for an answer to count, so it was not recorded. Thank you!",
        late=(
            "This session was asked about {age} ago. Answers count for {days}, so this one was not"
            " recorded. Thank you!"
        ),
        unknown="I do not remember this session any more, so nothing was recorded. Please tell your coach.",
        refused=(
            "This button is for the athlete in training, so nothing was changed. Send me /start to learn"
            " more."
        ),
        invalid="This button is not one that I understand, so nothing was recorded. Please tell your coach.",
    ),
    details=DetailTexts(
        question=_question,
        word=_word,
        skip="Pass",
        saved="Saved: {what}. Thank you!",
        kept="All right, it stays as it is.",
        left_out="All right, left out.",
        asked_again="Tap what fits better.",
    ),
    notes=NoteTexts(
        noted="📝 Noted with your answer. Your coach will read it. Edit your message to change it.",
        noted_tap=(
            "📝 Noted. Please also tap one of the buttons above, so that your note has an answer to go with."
        ),
        changed="📝 Your note is changed.",
        too_long=(
            "Your note has {number} characters, and {most} fit, so it is not saved. Please shorten it:"
            " edit your message."
        ),
        which="I cannot tell which session this is about. Please reply to my question about it.",
        foreign="This question is for another athlete in this chat, so your note was not saved.",
        for_athletes="Notes are for athletes in training, so this one was not saved. /start says more.",
        anonymous=(
            "You wrote this as the group or as a channel, so I cannot tell whose note it is, and it was not"
            " saved. Please send it once more as yourself. The buttons work either way."
        ),
    ),
    words=WordTexts(
        noted="📝 Noted.",
        noted_with="📝 Noted with {session}.",
        session_of="the session of {day}",
        offered="Is that your answer? One tap saves it: {answers}.",
        unanswered="Please tap an answer below its question, too.",
        full=(
            "This session has as many notes as I can keep, so this one was not saved. Please edit one of "
            "the others."
        ),
        full_there="That session has as many notes as I can keep, so yours stays where it is.",
        move_button="↪️ Another session",
        back_button="↩️ Take back",
        stay_button="Leave it there",
        which="Your note is with {session}. To which session does it belong?",
        no_other="I know of no other session that it could be about.",
        moved="Moved.",
        taken_back="↩️ Taken back: your note is no longer with {session}.",
        taken_back_toast="Taken back.",
        nothing_to_undo="There is no note of yours that I could take back.",
    ),
    phrases=_PHRASES,
    attachments=AttachmentTexts(line="📎 Sent along: {what}", kind=_attachment),
    prompts=PromptTexts(
        again_after_absence="I was away for a while and may have missed your answer, so I ask once more.",
        again_later="You asked me to come back later, so here I am again.",
        again_as_nudge="In case this one slipped by: one tap is enough, and your coach plans with it.",
        again_as_pending="Still unanswered:",
        words_count="💬 A few words count, too: write to me, and your coach reads them with your answer.",
        words_count_in_reply="💬 A few words count, too: reply to this message, and your coach reads them.",
        how="How did your session go?",
        how_on_weekday="How did {weekday}'s session go?",
        how_on_date="How did the session of {date} go?",
        todays=Plural(one="Today's session:", other="Today's {number} sessions:"),
        more="… and {number} more",
        intensity="Intensity: ",
        goal="Goal: ",
    ),
    later=LaterTexts(
        in_an_hour="In an hour · {time}",
        this_evening="This evening · {time}",
        tomorrow="Tomorrow · {time}",
        trace="⏰ I ask again {day} at {time}.",
        today="today",
        on_weekday="on {weekday}",
        on_date="on {date}",
        choose="When shall I ask again?",
    ),
    copies=CopyTexts(
        asked_below="⤵️ Asked again below.",
        answered_below="⤵️ Answered below.",
        answered_above="⤴️ Answered above.",
    ),
    pending=PendingTexts(
        none="Nothing is waiting for your answer. 👍",
        all=Plural(
            one="{number} question without an answer. Here it comes again; one tap is enough.",
            other="{number} questions without an answer. Here they come again; one tap each is enough.",
        ),
        some="{number} without an answer. Here come the {asked} oldest; send /pending again for the others.",
    ),
    coach_alerts=CoachAlertTexts(
        pain="🤕 <b>{who}</b> reports pain.",
        session="Session: {what}",
        without_name="the one of {day}",
        note="Note: {note}",
        changed="The answer has been changed since, to {label}.",
        gone="The answer has been deleted since.",
        seen_button="👀 Seen",
        seen_by="👀 Seen by {who}, {when}",
        notice="👀 Your coach ({who}) has seen that something hurts: {what}.",
        seen="Thank you. The athlete is told that you have seen it.",
        plan_refused=(
            "⚠️ I cannot use the plan <b>{plan}</b>, so it asks nothing and calls nothing off:\n{reason}\n"
            "What to do: correct the plan and write it again, or withdraw it (<code>plan withdraw</code>)."
        ),
        name_athletes=(
            "👥 There are several athletes now: {athletes}. From here on, each new plan has to say whose it"
            " is (<code>athleteId</code>); one that does not is nobody's, and asks nothing. The plans that"
            " were there stay {whose}'s."
        ),
    ),
    changes=ChangesTexts(
        said="{what} on {day}",
        changed="↪️ {words}, since you said {said}.",
        planned="↪️ Planned with your answer of {day} in mind: {what}.",
        planned_with="↪️ Planned with your answers in mind: {said}.",
    ),
    coach=CoachTexts(
        a_coach="your coach",
        from_coach="💬 <b>{who}</b> (coach):\n{text}",
        sent_by_coach="💬 <b>{who}</b> (coach) sends you this:",
        sent_by_athlete="💬 {who} sends this:",
        read_by="👀 Read by {who}",
        read_toast="Thank you. The athlete sees that you have read it.",
        on_its_way="📨 On its way to {who}.",
        on_its_way_later="📨 {who} gets it at {time}, when their quiet hours end.",
        no_telegram="{who} has not accepted the invitation yet, so I cannot write to them.",
        not_started=(
            "⚠️ {who} has not started the bot, so this has not arrived. It goes as soon as they press Start."
        ),
        blocked="⚠️ {who} has blocked the bot, so this has not arrived. It goes as soon as they unblock it.",
        gone="⚠️ This cannot arrive: the Telegram account of {who} does not exist any more.",
        not_delivered="⚠️ This did not reach {who}. Telegram says: {reason}",
        passed_on="📨 Passed on to your coach. What comes back, you read here.",
        kept="📥 Kept for your coach, who reads it with your answers.",
        several=(
            "That message is about several athletes. Quote the line of the one you mean, or send /ask,"
            " the name"
            " and your words."
        ),
        not_here="Whom that is about is not an athlete here any more.",
        how_to_reply=(
            "To write to an athlete, reply to a message about them, or send /ask, the name and your words."
            " /help says what else there is."
        ),
        ask_usage="Write /ask, the athlete's name and your words: /ask Ana how is the knee?",
        athlete_usage="Write /athlete and a name: /athlete Ana",
        several_called="{name} may be several. Write the whole name, or the id behind it:\n{names}",
        nobody_called="Nobody here is called {name}. There are:\n{names}",
        help=(
            "This is the coach's chat. Pain is told here at once, and what athletes write to you.\n\n"
            "To write to an athlete, reply to a message about them: it reaches them in their chat with"
            " me, with"
            " your name. Where a message is about several, quote the line of the one you mean. What they"
            " reply"
            " comes back here.\n\n"
            "{commands}\n\n"
            "I read nothing else that is written here."
        ),
    ),
    coach_digest=CoachDigestTexts(
        answered="{answered} of {asked} answered",
        more=Plural(
            one="and one more athlete: /athlete and the name",
            other="and {number} more: /athlete and the name",
        ),
        nothing_for="Nothing to tell: {names}",
        nobody="There are no athletes yet.",
        none_silent=Plural(
            one="Nobody has left a question unanswered.",
            other="Nobody has left {number} questions in a row unanswered.",
        ),
        no_sessions="No sessions in the last two weeks.",
        silent=Plural(
            one="one question unanswered, of {since}",
            other="{number} questions in a row unanswered, since {since}",
        ),
        hurts="something hurts",
        pain="{what}, since {since}",
        paused="paused",
        paused_until="paused until {date}",
        not_started="has not started the bot",
        blocked="has blocked the bot",
        unreachable="gets no messages from me",
        not_answered_yet="❓ not answered yet",
        undelivered="📭 my question did not arrive",
    ),
    pain=PainTexts(
        spoken=_spoken,
        spoken_gone=(
            "gone",
            "it is gone",
            "it's gone",
            "all gone",
            "gone now",
            "no pain",
            "no more pain",
            "healed",
            "all good",
        ),
        spoken_same=(
            "same",
            "the same",
            "still the same",
            "no change",
            "unchanged",
            "better",
            "a bit better",
            "much better",
            "it is better",
            "it's better",
            "getting better",
        ),
        spoken_worse=(
            "worse",
            "a bit worse",
            "much worse",
            "it is worse",
            "it's worse",
            "worse now",
            "worse today",
            "got worse",
            "it got worse",
            "getting worse",
            "it is getting worse",
            "it's getting worse",
        ),
        somewhere="what hurts",
        how_now="🤕 How is it by now: {where}?",
        gone="🙂 Gone",
        same="😐 The same",
        worse="🙁 Worse",
        thanks="Thank you, noted.",
        noted="🤕 Noted: {where}. I ask how it is until you say that it is gone.",
        coach_is_told="Your coach is told.",
        coach_reads="Your coach reads it.",
        words_noted="📝 Noted where it hurts: {words}.",
        got_worse="🤕 <b>{who}</b>: it has got worse.",
        by_now="By now: {how}",
        told_anew="👇 There is news of this below.",
    ),
    admin_alerts=AdminAlertTexts(
        telegram_broken=(
            "⚠️ I have not been able to fetch anything from Telegram since {since}. Taps wait at"
            " Telegram, which forgets them after two and a half minutes.\n"
            "What to do: look into the service's log. It says whether the network, the token, a webhook"
            " or another program with this token is in the way."
        ),
        mongodb_broken=(
            "⚠️ MongoDB has not answered since {since}. What reaches me is not lost: I keep it in the"
            " journal on disk. (With JOURNAL=mongodb I take nothing from Telegram, which keeps taps for two"
            " and a half minutes; who taps is told.) But no questions go out.\n"
            "What to do: start MongoDB again, or check MONGO_URL, the network and the free disk space of"
            " its machine."
        ),
        journal_broken=(
            "⚠️ I have not been able to write to my journal since {since}. I take no taps from Telegram"
            " until I can, and it forgets them after two and a half minutes.\n"
            "What to do: look into the service's log. It says whether the disk is full, write access is"
            " missing, or another file stands in the journal's place."
        ),
        backlog_broken=(
            "⚠️ Answers have been waiting in the journal since {since} although MongoDB responds. None"
            " is lost.\n"
            "What to do: look into the service's log. It says what MongoDB refuses: missing rights, a"
            " full disk, or a server that is too slow."
        ),
        telegram_well=(
            "✅ I receive from Telegram again. It did not work from {since} to {until} ({duration}). If"
            " athletes tapped in vain meanwhile, I ask them again."
        ),
        mongodb_well=(
            "✅ MongoDB answers again. It was away from {since} to {until} ({duration}). What was kept in"
            " the journal is being saved."
        ),
        journal_well="✅ I can write to my journal again. I could not from {since} to {until} ({duration}).",
        backlog_well=(
            "✅ The journal is being worked through again. Answers waited from {since} to {until}"
            " ({duration})."
        ),
        dead_letters=(
            "⚠️ {updates} from Telegram could not be processed. I set that aside in the journal and went"
            " on; the people who tapped were told that it was not saved.\n"
            "What to do: look into the service's log for “dead letter”, and report what it says there."
        ),
        took_over=(
            "⚠️ {host} has taken over: nothing has been heard of {lost}, which fetched the taps before."
            " What {lost} had received and not yet saved is in its journal, and is saved when it runs"
            " again.\n"
            "What to do: start the bot on {lost} again. Until then there is one service fewer to stand"
            " by."
        ),
        took_over_all=(
            "⚠️ {host} has taken over: nothing has been heard of {lost}, which fetched the taps before."
            " What {lost} had received is in MongoDB, and is not lost.\n"
            "What to do: nothing, if your platform put {host} in its place; else start the bot on {lost}"
            " again."
        ),
        coach_unreachable=(
            "⚠️ I cannot write to the coach's chat (Telegram says: {reason}). An athlete has reported"
            " pain, and it is not told there until I can; I go on trying.\n"
            "What to do: check COACH_CHAT_ID, and that I am in that chat and may write; a person sends"
            " me /start."
        ),
        not_started=(
            "🚪 Has not started the bot: {who}. Questions cannot arrive.\n"
            "What to do: they open the bot in Telegram and press Start. What can still be answered then is"
            " asked at once."
        ),
        blocked=(
            "🚪 Has blocked the bot: {who}. Questions do not arrive.\n"
            "What to do: they unblock the bot. What can still be answered then is asked at once."
        ),
        removed=(
            "🚪 I am not in the group: {who}. Questions do not arrive there.\n"
            "What to do: add me to the group. What can still be answered then is asked at once."
        ),
        muted=(
            "🚪 I may not write in the group, or in its topic: {who}. Questions do not arrive there.\n"
            "What to do: let me write there, then write something in the group yourself. What can still be"
            " answered then is asked at once."
        ),
        and_more="and {number} more",
        topic_lost=(
            "⚠️ Topic {topic} of chat {chat} takes no messages (Telegram says: {reason}). What is meant"
            " for it"
            " goes to the chat itself, where everybody in it can read it.\n"
            "What to do: open the topic again, or set another one, in COACH_CHAT_ID, with `athlete add"
            " --chat-id` or where the question is asked."
        ),
        entries_missing=(
            "⚠️ At {found} I noticed that my journal lacks {entries}: it was deleted, emptied, or"
            " put back from an older copy. What of that I had received and not yet saved may be lost. I"
            " ask again, once, for what is unanswered.\n"
            "What to do: find out what deleted or replaced files in DATA_DIR (with JOURNAL=mongodb: the"
            " collection inbox), and see the service's log."
        ),
        moment="{time} on {day}",
        entries="the entries {first} to {last} (up to {updates})",
        and_later="{entries} and perhaps later ones",
        all_after="everything after entry {last}, nobody knows how much",
    ),
    people=PeopleTexts(
        what_i_do=(
            "After each planned session I ask you how it went. One tap on a button is the whole job; tap"
            " another one to change your answer.\n\n"
            "/help says more."
        ),
        connected=(
            "✅ It works: I can write to you. Whenever I run, I ask you here how your planned sessions went."
        ),
        first_session="Your last session, to try me out",
        hello="Hello! {what}\n\nYour Telegram id is {user_id}.",
        hello_admin=(
            "Hello! You are an admin of this bot: /stats shows how the feedback is doing. /help says"
            " more.\n\n"
            "Your Telegram id is {user_id}."
        ),
        hello_coach=(
            "Hello! This is the coach's chat: when an athlete reports pain, it is told here at once."
            " What athletes write to you comes here, too; /help says what you can do.\n\n"
            "Your Telegram id is {user_id}."
        ),
        hello_stranger=(
            "Hello! I collect training feedback for athletes whom a coach has registered, and I do not"
            " know you yet.\n\n"
            "Your Telegram id is {user_id}. Send it to your coach, or to whoever runs this bot, and ask"
            " to be added."
        ),
        enlisted="Welcome{name}! You are on the list now. {what}",
        enlisted_before=(
            "You are on the list already{name}, so you need no invitation. If this one is meant for you"
            " all the same, please tell your coach."
        ),
        as_name=" as {name}",
        invitation_invalid=(
            "This invitation does not work (any more). Each one is for a single person and a few days:"
            " please ask your coach for a new one.\n\n"
            "Your Telegram id is {user_id}."
        ),
        invitation_private="An invitation works in a private chat with me only. Please open its link there.",
        paused=(
            "Paused. {end}\n\n"
            "Your coach sees that you pause, so no session counts as skipped. What I have asked before"
            " can still be answered."
        ),
        paused_open="I will not ask you anything until you send /resume.",
        paused_until=(
            "I will not ask you anything until {date}; on that day I begin again. /resume ends the pause"
            " earlier."
        ),
        resumed="I ask about your sessions as planned. /pause takes a break.",
        pause_usage=(
            "I do not understand until when. Write a number of days from 1 to 366 (/pause 7), or the coming"
            " day on which it ends: /pause friday, /pause 24.12. Or send /pause alone, and choose."
        ),
        help=(
            "I ask you about each planned session, with these buttons:\n\n"
            "{answers}\n\n"
            "One tap is enough. Tap another button to change your answer; the last one counts. I may ask"
            " one more thing, such as how hard it was: tap, or skip it. Write me a few words, or send a"
            " voice message, and it becomes the note of that session. Your coach reads all of it before"
            " planning the next week.\n\n"
            "Away or ill? {pause}. Your coach sees it as a pause, not as skipped.\n\n"
            "{week}, {pending}.\n"
            "{pain}.\n"
            "{log}.\n"
            "{undo}.\n"
            "{availability}.\n"
            "{language}.\n"
            "{privacy}, {mydata}, {forgetme}.\n"
            "{start}, {help}."
        ),
        help_admin=(
            "You run this bot, and are not on its list of athletes, so I ask you nothing.\n\n"
            "{commands}\n\n"
            "When something breaks, I tell you here, with the cure. Plans, the list of athletes and all else"
            " are seen to where I run: feedback-bot --help."
        ),
        try_help=(
            "I can do nothing with this message, and your coach does not see it. Please tap a button below my"
            " question, or write a few words; /help says what else I can do."
        ),
        unknown_command=(
            "I do not know this command, so nothing was done. /help says what I can do. For your coach, write"
            " it without the /."
        ),
        not_done="Something is wrong, and I could not do what you asked for. Please tell your coach.",
    ),
    pauses=PauseTexts(
        choose="How long shall I ask nothing? You may also write it: /pause 5, /pause friday, /pause 24.12.",
        a_week="A week",
        until_i_say="Until I say",
        begun="All right, a pause.",
        running_until="You are on a pause until {date}; that day I start again. /resume ends it earlier.",
        running_open="You are on a pause: I ask nothing until you send /resume.",
        tomorrow=("tomorrow",),
        week_words=("week", "1 week", "one week"),
        open_words=("forever", "until further notice", "further notice"),
        day_units=("d", "day", "days"),
        week_units=("w", "week", "weeks"),
        until=("until", "till", "to"),
        weekdays=(
            "monday mon",
            "tuesday tue",
            "wednesday wed",
            "thursday thu",
            "friday fri",
            "saturday sat",
            "sunday sun",
        ),
    ),
    logbook=LogbookTexts(
        kind=_kind,
        ask_what=(
            "What did you do? Tap it, or write it behind the command:"
            " /log 45 min easy run 4 (the 4 is how hard it was, 0 to 10)."
        ),
        ask_minutes="{what}: how long was it?",
        minutes="{number} min",
        unknown_minutes="not sure",
        logged="📓 Logged, besides your plan:",
        saved="Logged.",
    ),
    availability=AvailabilityTexts(
        question=(
            "🗓 On which days can you train, {week}? Tap a day to tick it, or to take the tick away; each tap"
            " is saved."
        ),
        possible="Saved: {day}, yes.",
        impossible="Saved: {day}, no.",
    ),
    languages=LanguageTexts(
        present="Language: {name}. Change it with {commands}; /language auto follows Telegram.",
        chosen="From now on I write to you in English.",
        automatic="From now on I write to you in the language of your Telegram, where I know it.",
        usage=(
            "I can write in {languages}. Send {commands}, or /language auto for the language of your"
            " Telegram."
        ),
        named="{name}",
        either="or",
    ),
    command=_command,
    rules=RuleTexts(
        for_athletes="/{command} is for athletes in training. /start says more.",
        for_admins="/{command} is for the admins of this bot. /help says what I can do for you.",
        for_coach="/{command} works in the coach's chat.",
        own_chat="Please send me /{command} in our private chat.",
        private="Please send me /{command} in a private chat.",
        later=(
            "The database does not answer right now. Please try again in a few minutes; your taps are"
            " kept safely meanwhile."
        ),
    ),
    privacy=PrivacyTexts(
        privacy=(
            "What I store about you\n"
            "• Your Telegram id, your name, zone and hours as your coach set them, your pauses, your"
            " language.\n"
            "• What I asked you, when, and what you answered: the button, effort, pain, reason, your"
            " notes and what you sent with them (as Telegram's reference), your Telegram user name, and up to"
            " 50 earlier versions of an answer that you changed; the sessions that you logged, the days on"
            " which you can train, and the pain that you told of, until it was gone.\n"
            "• What you and your coach wrote to each other through me.\n"
            "• Plans and weekly figures that your coach's tools write.\n"
            "• A count of taps that does not say whose they are.\n\n"
            "How long\n"
            "• Answers, notes, their earlier versions and the count of taps: {feedback}.\n"
            "• Plans: {plans}. Records of how plans were made: {runs}; what went into them, and weekly"
            " figures: until somebody deletes them.\n"
            "• Questions, and what stands on the list of athletes: until you delete them, or whoever"
            " runs this bot does.\n\n"
            "Who sees it\n"
            "Your coach, the tools that plan for you, and whoever runs this bot and its database.{coach}"
            " Other athletes do not; in a group, everybody there sees the messages of that group.\n\n"
            "What else keeps it\n"
            "Telegram keeps this chat, and bots' chats are not end-to-end encrypted. Backups of the"
            " database keep what was in it when they were made, until whoever runs this bot deletes"
            " them.\n\n"
            "/mydata sends you everything that is stored about you. /forgetme deletes it."
        ),
        coach=(
            " When you answer that something hurts, your coach's chat is told at once; what you write that is"
            " about no session goes there, too."
        ),
        mydata=(
            "Everything that is stored about you, as one JSON file; all times are in UTC. /privacy says"
            " what it is for, /forgetme deletes it."
        ),
        mydata_cut=(
            "There is more than Telegram lets me send, so the file ends early; it says where. Whoever"
            " runs this bot can export the rest."
        ),
        forget_button="🗑 Delete everything",
        keep_button="Keep it",
        what_remains=(
            "What remains, and why\n"
            "• Plans and weekly figures: your coach wrote them, and they are part of the coach's"
            " records.{listed}\n"
            "• The count of taps, which does not say whose they are.\n"
            "• When you had this deleted, under a mark from which nobody reads who you are: by it I"
            " refuse what is older.\n"
            "• Backups made before, until whoever runs this bot deletes them; and its log, which has"
            " neither your answers nor your notes.\n"
            "• What databases keep against crashes, their own logs of changes, until they overwrite it.\n"
            "• The messages in this chat, and what your coach's chat was told: they are Telegram's. You"
            " can delete this chat."
        ),
        listed=(
            "\n"
            "• Your Telegram id: whoever runs this bot has put it into its settings (ATHLETE_IDS), and"
            " alone can take it out. So that I ask you nothing, I note a pause without end, until you"
            " send me /resume. If you tap an old button of mine, or reply to an old question, that may"
            " be stored."
        ),
        not_listed=(
            "\n"
            "• The short name that your coach gave you in the list of athletes, without anything else"
            " that says who you are."
        ),
        warning=(
            "This deletes, for good: your answers with their notes and earlier versions, my questions to"
            " you, what your coach was told about pain, what you wrote to each other, the days on which you"
            " can train, your language, and your name, zone, hours and pauses. I ask you nothing any"
            " more.\n\n"
            "{remains}\n\n"
            "Do you want that? The button works for 10 minutes. /mydata sends you a copy first."
        ),
        forgotten="Deleted.",
        forgotten_long="Your data are deleted, and I ask you nothing any more.\n\n{remains}",
        kept="All right, nothing is deleted.",
    ),
    week=WeekTexts(
        past=("last", "previous"),
        coming=("next", "coming"),
        usage=(
            "Send /week for this week, /week {past} for the one before, or /week {coming} for the coming one."
        ),
        not_answered_yet="❓ not answered yet",
        not_answered="❔ not answered",
        answered_late="⌛ answered too late to count",
        answer_unknown="✔️ answered; the answer is not stored any more",
        paused="⏸ paused",
        undelivered="📭 my question did not reach you",
        not_asked="▫️ not asked about",
        not_due="🔜 to come",
        title="🗓 <b>Your week, {days}</b>",
        no_sessions="No sessions are planned.",
        more="… and {sessions} more",
        answered="Answered: {answered} of {asked}",
        pending="/pending asks the open ones again.",
        done_share="Done: {share} of the sessions I asked about",
        effort="Mean effort (RPE): {mean}",
        load="Session load (RPE × minutes): {load}",
        next="➡️ <b>Next week: {sessions}</b>",
        same="as many as this week",
        fewer="{number} fewer than this week",
        greater="{number} more than this week",
        rest="no sessions",
        why="Why: {why}",
        no_plan="➡️ Your coach reads your answers before planning next week; the plan is not there yet.",
    ),
    figures=FiguresTexts(
        outcomes=OutcomeTexts(
            late="late",
            invalid="invalid",
            unknown="unknown",
            refused="refused",
            postponed="postponed",
            refused_command="refused messages",
        ),
        prompts=PromptStateTexts(
            pending="pending",
            sent="sent",
            answered="answered",
            late="late",
            expired="expired",
            undeliverable="undeliverable",
            cancelled="cancelled",
        ),
        by_day="Answers by day",
        by_week="Answers by week",
        weeks_title="Sessions by week, %",
        adherence="adherence",
        response="answered",
        nothing="nothing yet",
        title="Last {days}",
        title_today="Today",
        rate="{sign} Written: {rate} ({written} of {about}{received})",
        no_taps="No answers came in yet.",
        waiting="⏳ Waiting: {number}, oldest {since}",
        dead_letters="⚠️ Dead letters: {number}",
        answers="Answers: {number}",
        cut="Kept since {day}: earlier days are not counted.",
        sessions="Adherence {adherence}, answered {response} of {asked}",
        not_asked="No session was asked about.",
        weeks="By week: {weeks}",
        weeks_answered="Answered by week: {weeks}",
        hours="Answered, by the hour of asking: {hours}",
        notes="Notes: {number} (by week: {weeks})",
        delay="Time to answer: half within {median}, 90 % within {p90}",
        not_written="Not written: {counts}",
        more="Other taps (RPE, pain, seen): {number}",
        questions="Questions: {counts}",
        last="Last poll {poll}, last answer {write}",
        none="none",
        no_picture="(No picture: drawing failed; see the log.)",
        no_extra="(No picture: install the extra, pip install -e '.[charts]', and start the bot again.)",
        usage="Please write /stats or /stats DAYS, with a number of days from 1 to 365.",
        later="The database does not answer right now, so I have no figures. Taps are kept safely meanwhile.",
    ),
)
