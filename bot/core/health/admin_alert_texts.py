"""What admins are told when something breaks, and when it is well again. Plain text."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta, tzinfo

from bot.core.health.vitals import (
    Broke,
    CoachUnreachable,
    DeadLettersGrew,
    JournalEntriesMissing,
    News,
    Part,
    Recovered,
    TookOver,
)
from bot.core.i18n.language import Language, Text, day_and_month
from bot.core.inbox.journal_loss_texts import UPDATES, lacks

_BROKEN: Mapping[Part, Text] = {
    Part.TELEGRAM: Text(
        "⚠️ I have not been able to fetch anything from Telegram since {since}. Taps wait at Telegram,"
        " which"
        " forgets them after two and a half minutes.\n"
        "What to do: look into the service's log. It says whether the network, the token, a webhook or"
        " another"
        " program with this token is in the way.",
        "⚠️ No consigo recibir nada de Telegram desde {since}. Las respuestas esperan en Telegram, que"
        " las"
        " olvida a los dos minutos y medio.\n"
        "Qué hacer: mira el registro del servicio. Dice si el problema es la red, el token, un webhook"
        " u otro"
        " programa que usa este token.",
    ),
    Part.MONGODB: Text(
        "⚠️ MongoDB has not answered since {since}. What reaches me is not lost: I keep it in the journal on"
        " disk. But no questions go out.\n"
        "What to do: start MongoDB again, or check MONGO_URL, the network and the free disk space of"
        " its machine.",
        "⚠️ MongoDB no responde desde {since}. Lo que me llega no se pierde: lo guardo en el diario en"
        " disco. Pero no salen preguntas.\n"
        "Qué hacer: vuelve a arrancar MongoDB, o revisa MONGO_URL, la red y el espacio libre en su"
        " disco.",
    ),
    Part.JOURNAL: Text(
        "⚠️ I have not been able to write to my journal on disk since {since}. I take no taps from"
        " Telegram until I"
        " can, and it forgets them after two and a half minutes.\n"
        "What to do: look into the service's log. It says whether the disk is full, write access is missing, or"
        " another file stands in the journal's place.",
        "⚠️ No puedo escribir en mi diario en disco desde {since}. Hasta que pueda, no recojo"
        " respuestas de"
        " Telegram, que las olvida a los dos minutos y medio.\n"
        "Qué hacer: mira el registro del servicio. Dice si el disco está lleno, falta el permiso de escritura o hay"
        " otro archivo en el lugar del diario.",
    ),
    Part.BACKLOG: Text(
        "⚠️ Answers have been waiting in the journal since {since} although MongoDB responds. None is"
        " lost.\n"
        "What to do: look into the service's log. It says what MongoDB refuses: missing rights, a full"
        " disk, or"
        " a server that is too slow.",
        "⚠️ Hay respuestas esperando en el diario desde {since}, aunque MongoDB responde. No se pierde"
        " ninguna.\n"
        "Qué hacer: mira el registro del servicio. Dice qué rechaza MongoDB: faltan permisos, el disco"
        " está"
        " lleno o el servidor va demasiado lento.",
    ),
}
_WELL: Mapping[Part, Text] = {
    Part.TELEGRAM: Text(
        "✅ I receive from Telegram again. It did not work from {since} to {until} ({duration}). If"
        " athletes tapped"
        " in vain meanwhile, I ask them again.",
        "✅ Vuelvo a recibir de Telegram. No funcionó desde {since} hasta {until} ({duration}). Si alguien"
        " respondió en vano entretanto, le vuelvo a preguntar.",
    ),
    Part.MONGODB: Text(
        "✅ MongoDB answers again. It was away from {since} to {until} ({duration}). What was kept in"
        " the journal is"
        " being saved.",
        "✅ MongoDB vuelve a responder. No respondió desde {since} hasta {until} ({duration}). Lo que"
        " estaba en el"
        " diario se está guardando.",
    ),
    Part.JOURNAL: Text(
        "✅ I can write to my journal again. I could not from {since} to {until} ({duration}).",
        "✅ Ya puedo escribir de nuevo en mi diario. No pude desde {since} hasta {until} ({duration}).",
    ),
    Part.BACKLOG: Text(
        "✅ The journal is being worked through again. Answers waited from {since} to {until} ({duration}).",
        "✅ El diario vuelve a vaciarse. Hubo respuestas esperando desde {since} hasta {until} ({duration}).",
    ),
}
_BURIED = Text(
    "⚠️ {updates} from Telegram could not be processed. I set that aside in the journal and went on;"
    " the people"
    " who tapped were told that it was not saved.\n"
    "What to do: look into the service's log for “dead letter”, and report what it says there.",
    "⚠️ No he podido procesar {updates} de Telegram. Lo he apartado en el diario y sigo adelante; a"
    " quien"
    " respondió le he dicho que no se guardó.\n"
    "Qué hacer: busca «dead letter» en el registro del servicio y comunica lo que diga.",
)
_TOOK_OVER = Text(
    "⚠️ {host} has taken over: nothing has been heard of {lost}, which fetched the taps before. What {lost} had"
    " received and not yet saved is in its journal, and is saved when it runs again.\n"
    "What to do: start the bot on {lost} again. Until then there is one service fewer to stand by.",
    "⚠️ {host} se encarga ahora: no se sabe nada de {lost}, que recogía las respuestas. Lo que {lost} había"
    " recibido y no había guardado está en su diario, y se guarda cuando vuelva a funcionar.\n"
    "Qué hacer: vuelve a arrancar el bot en {lost}. Hasta entonces hay un servicio menos de reserva.",
)
_UNHEARD = Text(
    "⚠️ I cannot write to the coach's chat (Telegram says: {reason}). An athlete has reported pain, and it is not told"
    " there until I can; I go on trying.\n"
    "What to do: check COACH_CHAT_ID, and that I am in that chat and may write; a person sends me /start.",
    "⚠️ No puedo escribir en el chat del entrenador (Telegram dice: {reason}). Un deportista ha avisado de dolor y allí"
    " no se sabrá hasta que pueda; sigo intentándolo.\n"
    "Qué hacer: revisa COACH_CHAT_ID, y que yo esté en ese chat y pueda escribir; una persona me envía /start.",
)
_MISSING = Text(
    "⚠️ At {found} I noticed that my journal lacks {entries}: its file was deleted, emptied, or put back from an older"
    " copy. What of that I had received and not yet saved may be lost. I ask again, once, for what is unanswered.\n"
    "What to do: find out what deleted or replaced files in DATA_DIR, and see the service's log.",
    "⚠️ A {found} vi que a mi diario le falta algo: {entries}. Alguien borró o vació su archivo, o lo cambió por una"
    " copia anterior. Lo que de ahí había recibido y aún no había guardado puede haberse perdido. Vuelvo a preguntar,"
    " una vez, por lo que está sin respuesta.\n"
    "Qué hacer: averigua qué borró o cambió archivos en DATA_DIR y mira el registro del servicio.",
)
_MOMENT = Text("{time} on {day}", "las {time} del {day}")


def alert(news: Iterable[News], language: Language, zone: tzinfo) -> str:
    """One message with all the news; times are shown in `zone`."""
    return "\n\n".join(_one(item, language, zone) for item in news)


def _one(news: News, language: Language, zone: tzinfo) -> str:
    match news:
        case Broke():
            return _BROKEN[news.part](language, since=_moment(news.since, language, zone))
        case Recovered():
            return _WELL[news.part](
                language,
                since=_moment(news.since, language, zone),
                until=_moment(news.until, language, zone),
                duration=duration(news.until - news.since),
            )
        case TookOver(lost, host):
            return _TOOK_OVER(language, lost=lost, host=host)
        case JournalEntriesMissing(loss, found_at):
            return _MISSING(
                language,
                found=_moment(found_at, language, zone),
                entries=lacks(loss, language),
            )
        case CoachUnreachable(reason):
            return _UNHEARD(language, reason=reason)
        case DeadLettersGrew():
            return _BURIED(language, updates=UPDATES(language, news.number))


def _moment(instant: datetime, language: Language, zone: tzinfo) -> str:
    local = instant.astimezone(zone)
    return _MOMENT(language, time=f"{local:%H:%M}", day=day_and_month(local.date(), language))


def duration(span: timedelta) -> str:
    """`45 s`, `14 min`, `2 h 5 min`, `3 d 4 h`: the same in every language."""
    seconds = max(0, round(span.total_seconds()))
    if seconds < 60:
        return f"{seconds} s"
    minutes = seconds // 60
    if minutes < 60:
        return f"{minutes} min"
    hours, minutes = divmod(minutes, 60)
    if hours < 48:
        return f"{hours} h {minutes} min"
    return f"{hours // 24} d {hours % 24} h"
