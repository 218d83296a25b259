"""What is said about stored data: /privacy, /mydata and /forgetme."""

from __future__ import annotations

from bot.core.i18n.language import DAYS, Language, Text

_PRIVACY = Text(
    "What I store about you\n"
    "• Your Telegram id, your name, zone and hours as your coach set them, your pauses, your language.\n"
    "• What I asked you, when, and what you answered: the button, effort, pain, reason, your note, your Telegram"
    " user name, and up to 50 earlier versions of an answer that you changed.\n"
    "• Plans and weekly figures that your coach's tools write.\n"
    "• A count of taps that does not say whose they are.\n\n"
    "How long\n"
    "• Answers, notes, their earlier versions and the count of taps: {feedback}.\n"
    "• Plans: {plans}. Records of how plans were made: {runs}; what went into them, and weekly figures: until somebody"
    " deletes them.\n"
    "• Questions, and what stands on the list of athletes: until you delete them, or whoever runs this bot does.\n\n"
    "Who sees it\n"
    "Your coach, the tools that plan for you, and whoever runs this bot and its database.{coach} Other athletes do"
    " not; in a group, everybody there sees the messages of that group.\n\n"
    "What else keeps it\n"
    "Telegram keeps this chat, and bots' chats are not end-to-end encrypted. Backups of the database keep what was in"
    " it when they were made, until whoever runs this bot deletes them.\n\n"
    "/mydata sends you everything that is stored about you. /forgetme deletes it.",
    "Qué guardo sobre ti\n"
    "• Tu id de Telegram, tu nombre, zona y horas como las puso tu entrenador, tus pausas y tu idioma.\n"
    "• Qué te pregunté, cuándo, y qué respondiste: el botón, esfuerzo, dolor, motivo, tu nota, tu nombre de usuario"
    " de Telegram, y hasta 50 versiones anteriores de una respuesta que cambiaste.\n"
    "• Los planes y las cifras semanales que escriben las herramientas de tu entrenador.\n"
    "• Un recuento de toques que no dice de quién son.\n\n"
    "Cuánto tiempo\n"
    "• Respuestas, notas, sus versiones anteriores y el recuento de toques: {feedback}.\n"
    "• Planes: {plans}. Registros de cómo se hicieron: {runs}; los datos con los que se hicieron y las cifras"
    " semanales: hasta que alguien los borre.\n"
    "• Las preguntas y lo que consta en la lista de deportistas: hasta que lo borres tú, o quien lleva este bot.\n\n"
    "Quién lo ve\n"
    "Tu entrenador, las herramientas que planifican para ti, y quien lleva este bot y su base de datos.{coach} Los"
    " demás deportistas no; en un grupo, todos ven los mensajes de ese grupo.\n\n"
    "Qué más lo conserva\n"
    "Telegram conserva este chat, y los chats con bots no van cifrados de extremo a extremo. Las copias de seguridad"
    " conservan lo que había cuando se hicieron, hasta que quien lleva este bot las borre.\n\n"
    "/mydata te envía todo lo que hay guardado sobre ti. /forgetme lo borra.",
)
_COACH = Text(
    " When you answer that something hurts, your coach's chat is told at once.",
    " Cuando respondes que te duele algo, aviso enseguida en el chat de tu entrenador.",
)
PRIVACY_PRIVATE = Text(
    "Please send me /privacy in a private chat.", "Envíame /privacy en un chat privado, por favor."
)

MYDATA = Text(
    "Everything that is stored about you, as one JSON file; all times are in UTC. /privacy says what it is for,"
    " /forgetme deletes it.",
    "Todo lo que hay guardado sobre ti, en un archivo JSON; las horas están en UTC. /privacy explica para qué es,"
    " /forgetme lo borra.",
)
MYDATA_CUT = Text(
    "There is more than Telegram lets me send, so the file ends early; it says where. Whoever runs this bot can"
    " export the rest.",
    "Hay más de lo que Telegram me deja enviar, así que el archivo está cortado; él mismo dice dónde. Quien lleva"
    " este bot puede exportar el resto.",
)
MYDATA_PRIVATE = Text(
    "Your data are yours: please send me /mydata in a private chat.",
    "Tus datos son tuyos: envíame /mydata en un chat privado.",
)
MYDATA_FOR_ATHLETES = Text(
    "/mydata is for athletes in training: about anybody else I store no answers. /start says more.",
    "/mydata es para deportistas que entrenan: de los demás no guardo respuestas. /start explica más.",
)

FORGET_FOR_ATHLETES = Text(
    "/forgetme is for athletes in training: about anybody else I store no answers. /start says more.",
    "/forgetme es para deportistas que entrenan: de los demás no guardo respuestas. /start explica más.",
)
FORGET_PRIVATE = Text(
    "Please send me /forgetme in a private chat.", "Envíame /forgetme en un chat privado, por favor."
)
FORGET_BUTTON = Text("🗑 Delete everything", "🗑 Borrar todo")
KEEP_BUTTON = Text("Keep it", "No borrar")

_WHAT_REMAINS = Text(
    "What remains, and why\n"
    "• Plans and weekly figures: your coach wrote them, and they are part of the coach's records.{listed}\n"
    "• The count of taps, which does not say whose they are.\n"
    "• When you had this deleted, under a mark from which nobody reads who you are: by it I refuse what is older.\n"
    "• Backups made before, until whoever runs this bot deletes them; and its log, which has neither your answers nor"
    " your notes.\n"
    "• What databases keep against crashes, their own logs of changes, until they overwrite it; and for two days, when"
    " I last wrote here, to keep Telegram's limits.\n"
    "• The messages in this chat, and what your coach's chat was told: they are Telegram's. You can delete this chat.",
    "Qué queda, y por qué\n"
    "• Los planes y las cifras semanales: los escribió tu entrenador y son parte de sus registros.{listed}\n"
    "• El recuento de toques, que no dice de quién son.\n"
    "• Cuándo pediste borrarlo, con una marca de la que nadie lee quién eres: con ella rechazo lo que sea anterior.\n"
    "• Las copias de seguridad ya hechas, hasta que quien lleva este bot las borre; y su registro, que no contiene ni"
    " tus respuestas ni tus notas.\n"
    "• Lo que las bases de datos guardan por si fallan, sus propios registros de cambios, hasta que lo sobrescriben; y,"
    " durante dos días, cuándo escribí aquí por última vez, por los límites de Telegram.\n"
    "• Los mensajes de este chat, y lo que se dijo en el chat de tu entrenador: son de Telegram. Puedes borrar este"
    " chat.",
)
_LISTED = Text(
    "\n• Your Telegram id: whoever runs this bot has put it into its settings (ATHLETE_IDS), and alone can take it out."
    " So that I ask you nothing, I note a pause without end, until you send me /resume. If you tap an old button of mine, or reply to an old question, that may be stored.",
    "\n• Tu id de Telegram: quien lleva este bot lo puso en su configuración (ATHLETE_IDS), y solo esa persona puede"
    " quitarlo. Para no preguntarte nada, anoto una pausa sin fin, hasta que me envíes /resume. Si tocas un botón mío antiguo, o respondes a una pregunta antigua, puede que lo guarde.",
)
_NOT_LISTED = Text(
    "\n• The short name that your coach gave you in the list of athletes, without anything else that says who you are.",
    "\n• El nombre corto que te dio tu entrenador en la lista de deportistas, sin nada más que diga quién eres.",
)
_WARNING = Text(
    "This deletes, for good: your answers with their notes and earlier versions, my questions to you, what your coach"
    " was told about pain, your language, and your name, zone, hours and pauses. I ask you nothing any more.\n\n{remains}"
    "\n\nDo you want that? The button works for 10 minutes. /mydata sends you a copy first.",
    "Esto borra para siempre: tus respuestas con sus notas y versiones anteriores, mis preguntas, lo que avisé a tu"
    " entrenador sobre dolor, tu idioma, y tu nombre, zona, horas y pausas. No te preguntaré nada más.\n\n{remains}"
    "\n\n¿Lo quieres? El botón funciona durante 10 minutos. /mydata te envía antes una copia.",
)
FORGOTTEN = Text("Deleted.", "Borrado.")
_FORGOTTEN_LONG = Text(
    "Your data are deleted, and I ask you nothing any more.\n\n{remains}",
    "Tus datos están borrados y no te preguntaré nada más.\n\n{remains}",
)
KEPT = Text("All right, nothing is deleted.", "De acuerdo, no se borra nada.")


def privacy(language: Language, *, answers: int, plans: int, runs: int, coach_is_told: bool) -> str:
    """The reply to /privacy.

    Args:
        answers, plans, runs: days that they are kept.
        coach_is_told: whether pain is told at once (COACH_CHAT_ID).
    """
    return _PRIVACY(
        language,
        feedback=DAYS(language, answers),
        plans=DAYS(language, plans),
        runs=DAYS(language, runs),
        coach=_COACH(language) if coach_is_told else "",
    )


def warning(language: Language, *, listed: bool) -> str:
    """The reply to /forgetme: what goes, and what stays.

    Args:
        listed: whether the athlete stands in ATHLETE_IDS.
    """
    return _WARNING(language, remains=_remains(language, listed=listed))


def forgotten(*, listed: bool) -> Text:
    """What takes the place of that message when it is done."""
    en, es = (
        _FORGOTTEN_LONG(language, remains=_remains(language, listed=listed))
        for language in (Language.EN, Language.ES)
    )
    return Text(en, es)


def _remains(language: Language, *, listed: bool) -> str:
    return _WHAT_REMAINS(language, listed=(_LISTED if listed else _NOT_LISTED)(language))
