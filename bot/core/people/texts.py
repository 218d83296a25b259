"""What is said to messages: who is who, help, pauses, invitations, and hints."""

from __future__ import annotations

from datetime import datetime, tzinfo

from bot.core.answers.texts import LABELS, LATER
from bot.core.i18n.language import Language, Text, long_date

NOT_DONE = Text(
    "Something is wrong, and I could not do what you asked for. Please tell your coach.",
    "Algo falla y no he podido hacer lo que pedías. Díselo a tu entrenador, por favor.",
)

_WHAT_I_DO = Text(
    "After each planned session I ask you how it went. One tap on a button is the whole job; tap another one to"
    " change your answer.\n\n/help says more.",
    "Después de cada sesión planificada te pregunto qué tal fue. Basta tocar un botón; toca otro para cambiar tu"
    " respuesta.\n\n/help explica más.",
)
_HELLO = Text(
    "Hello! {what}\n\nYour Telegram id is {user_id}.", "¡Hola! {what}\n\nTu id de Telegram es {user_id}."
)
_HELLO_ADMIN = Text(
    "Hello! You are an admin of this bot: /stats shows how the feedback is doing. /help says more.\n\nYour"
    " Telegram id is {user_id}.",
    "¡Hola! Administras este bot: /stats muestra cómo van las respuestas. /help explica más.\n\nTu id de Telegram"
    " es {user_id}.",
)
_HELLO_COACH = Text(
    "Hello! This is the coach's chat: when an athlete reports pain, it is told here at once.\n\nYour Telegram id is"
    " {user_id}.",
    "¡Hola! Este es el chat del entrenador: si un deportista avisa de dolor, se cuenta aquí en el acto.\n\nTu id de"
    " Telegram es {user_id}.",
)
_HELLO_STRANGER = Text(
    "Hello! I collect training feedback for athletes whom a coach has registered, and I do not know you yet.\n\n"
    "Your Telegram id is {user_id}. Send it to your coach, or to whoever runs this bot, and ask to be added.",
    "¡Hola! Recojo cómo van los entrenamientos de deportistas que un entrenador ha dado de alta, y a ti todavía no"
    " te conozco.\n\nTu id de Telegram es {user_id}. Envíaselo a tu entrenador, o a quien lleva este bot, y pide"
    " que te añada.",
)
_ENLISTED = Text(
    "Welcome{name}! You are on the list now. {what}", "¡Hola{name}! Ya estás en la lista. {what}"
)
_ENLISTED_BEFORE = Text(
    "You are on the list already{name}, so you need no invitation. If this one is meant for you all the same,"
    " please tell your coach.",
    "Ya estás en la lista{name}, así que no necesitas invitación. Si aun así esta es para ti, díselo a tu"
    " entrenador.",
)
_AS = Text(" as {name}", " como {name}")
_INVITATION_INVALID = Text(
    "This invitation does not work (any more). Each one is for a single person and a few days: please ask your"
    " coach for a new one.\n\nYour Telegram id is {user_id}.",
    "Esta invitación no sirve, o ya no. Cada una es para una sola persona y unos días: pide otra a tu"
    " entrenador.\n\nTu id de Telegram es {user_id}.",
)
_PAUSED_OPEN = Text(
    "I will not ask you anything until you send /resume.", "No te preguntaré nada hasta que envíes /resume."
)
_PAUSED_UNTIL = Text(
    "I will not ask you anything until {date}; on that day I begin again. /resume ends the pause earlier.",
    "No te preguntaré nada hasta el {date}; ese día empiezo otra vez. /resume termina la pausa antes.",
)
_PAUSED = Text(
    "Paused. {end}\n\nYour coach sees that you pause, so no session counts as skipped. What I have asked before"
    " can still be answered.",
    "En pausa. {end}\n\nTu entrenador ve que estás en pausa, así que ninguna sesión cuenta como saltada. A lo que"
    " ya pregunté todavía puedes responder.",
)
_HELP = Text(
    "I ask you about each planned session, with these buttons:\n\n"
    "{done}: you did it as planned\n"
    "{skipped}: you did not do it\n"
    "{hard}: you did it and it was harder than it should have been\n"
    "{pain}: something hurt\n"
    "{later}: I ask again at the next usual hour\n\n"
    "One tap is enough. Tap another button to change your answer; the last one counts. I may ask one more thing,"
    " such as how hard it was: tap, or skip it. Reply to my question with a few words, and they become your note."
    " Your coach reads all of it before planning the next week.\n\n"
    "Away or ill? /pause stops the questions until you send /resume, /pause 7 for seven days, /pause with a day"
    " (YYYY-MM-DD) until that day. Your coach sees it as a pause, not as skipped.\n\n"
    "/week shows your week, /pending what is unanswered.\n"
    "/language changes the language.\n"
    "/privacy says what is stored, /mydata sends it to you, /forgetme deletes it.\n"
    "/start shows your Telegram id, /help this page.",
    "Te pregunto por cada sesión planificada, con estos botones:\n\n"
    "{done}: la hiciste como estaba previsto\n"
    "{skipped}: no la hiciste\n"
    "{hard}: la hiciste y fue más dura de lo que debía\n"
    "{pain}: te dolió algo\n"
    "{later}: vuelvo a preguntar a la próxima hora habitual\n\n"
    "Basta un toque. Toca otro botón para cambiar tu respuesta; cuenta la última. A veces pregunto algo más, como"
    " cuánto esfuerzo fue: toca, u omítelo. Responde a mi pregunta con unas palabras y serán tu nota. Tu"
    " entrenador lo lee todo antes de planificar la semana siguiente.\n\n"
    "¿De viaje o con gripe? /pause detiene las preguntas hasta que envíes /resume, /pause 7 durante siete días,"
    " /pause con un día (AAAA-MM-DD) hasta ese día. Tu entrenador lo ve como pausa, no como sesión saltada.\n\n"
    "/week muestra tu semana, /pending lo que falta por responder.\n"
    "/language cambia el idioma.\n"
    "/privacy explica qué se guarda, /mydata te lo envía, /forgetme lo borra.\n"
    "/start muestra tu id de Telegram, /help esta página.",
)
_HELP_ADMIN = Text(
    "\n/stats [days] shows figures, for admins.", "\n/stats [días] muestra cifras, para quien administra."
)

RESUMED = Text(
    "I ask about your sessions as planned. /pause takes a break.",
    "Pregunto por tus sesiones como está previsto. /pause hace un descanso.",
)
PAUSE_USAGE = Text(
    "Please write /pause alone, or with a number of days from 1 to 366 (/pause 7), or with the coming day on which"
    " it ends (written YYYY-MM-DD).",
    "Escribe /pause solo, o con un número de días de 1 a 366 (/pause 7), o con el día en que termina (escrito"
    " AAAA-MM-DD).",
)
PAUSE_PRIVATE = Text(
    "Please send me /pause and /resume in a private chat, so that I do not mix anybody up.",
    "Envíame /pause y /resume en un chat privado, para que no confunda a nadie.",
)
PAUSE_FOR_ATHLETES = Text(
    "/pause and /resume are for athletes in training. /start says more.",
    "/pause y /resume son para deportistas que entrenan. /start explica más.",
)
INVITATION_PRIVATE = Text(
    "An invitation works in a private chat with me only. Please open its link there.",
    "Una invitación solo funciona en un chat privado conmigo. Abre allí su enlace.",
)
TRY_HELP = Text(
    "Your coach does not see this message. Please tap a button below my question, or reply to that question to"
    " leave a note; /help says what else I can do.",
    "Tu entrenador no ve este mensaje. Toca un botón debajo de mi pregunta, o responde a esa pregunta para dejar"
    " una nota; /help explica qué más puedo hacer.",
)
STATS_FOR_ADMINS = Text(
    "/stats is for the admins of this bot. /help says what I can do for you.",
    "/stats es para quien administra este bot. /help explica qué puedo hacer por ti.",
)
STATS_PRIVATE = Text(
    "I show figures in a private chat only. Please send me /stats there.",
    "Solo muestro cifras en un chat privado. Envíame allí /stats.",
)
STATS_USAGE = Text(
    "Please write /stats or /stats DAYS, with a number of days from 1 to 365.",
    "Escribe /stats o /stats DÍAS, con un número de días de 1 a 365.",
)
STATS_LATER = Text(
    "The database does not answer right now, so I have no figures. Taps are kept safely meanwhile.",
    "La base de datos no contesta ahora mismo, así que no tengo cifras. Los toques están a salvo entretanto.",
)


def welcome(user_id: int, language: Language, *, athlete: bool, admin: bool, coach: bool = False) -> str:
    """The reply to /start; `coach`: it came from the coach's chat."""
    if athlete:
        return _HELLO(language, what=_WHAT_I_DO(language), user_id=user_id)
    hello = _HELLO_ADMIN if admin else _HELLO_COACH if coach else _HELLO_STRANGER
    return hello(language, user_id=user_id)


def enlisted(name: str | None, language: Language) -> str:
    """The reply to an invitation that was accepted."""
    return _ENLISTED(language, name=f", {name}" if name else "", what=_WHAT_I_DO(language))


def enlisted_before(name: str | None, language: Language) -> str:
    """The reply to an invitation that does not fit somebody who is an athlete already."""
    return _ENLISTED_BEFORE(language, name=_AS(language, name=name) if name else "")


def invitation_invalid(user_id: int, language: Language) -> str:
    """The reply to a code that is unknown, used or expired."""
    return _INVITATION_INVALID(language, user_id=user_id)


def paused(until: datetime | None, zone: tzinfo, language: Language) -> str:
    """The reply to /pause."""
    end = _PAUSED_OPEN(language)
    if until is not None:
        end = _PAUSED_UNTIL(language, date=long_date(until.astimezone(zone), language))
    return _PAUSED(language, end=end)


def help_text(language: Language, *, admin: bool) -> str:
    """The reply to /help."""
    labels = {str(type_): label(language) for type_, label in LABELS.items()}
    text = _HELP(language, **labels, later=LATER(language))
    return text + _HELP_ADMIN(language) if admin else text
