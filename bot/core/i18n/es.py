"""All texts in Spanish."""

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
                label="Hecha",
                name="hecho",
                help="la hiciste como estaba previsto",
                said=(
                    "hecho, hecha, todo hecho, ya está hecho, lo hice, la hice, lo hice todo, "
                    "la hice entera, hice todo, ya lo hice, listo, completado, completada, completé, "
                    "terminado, terminada, terminé, la terminé, lo terminé, acabado, acabada, acabé, "
                    "cumplido, cumplida, sesión hecha"
                ),
            )
        case FeedbackType.SKIPPED:
            return AnswerTypeTexts(
                label="Saltada",
                name="saltado",
                help="no la hiciste",
                said=(
                    "no pude, no pude hacerlo, no pude hacerla, no pude ir, no pude salir, no pude entrenar, "
                    "no he podido, no lo hice, no la hice, no lo he hecho, no la he hecho, no hice nada, "
                    "no salí, no salí a correr, no corrí, no entrené, no he entrenado, no fui, me lo salté, "
                    "me la salté, lo salté, la salté, saltado, saltada, sin entrenar"
                ),
            )
        case FeedbackType.HARD:
            return AnswerTypeTexts(
                label="Dura",
                name="duro",
                help="la hiciste y fue más dura de lo que debía",
                said=(
                    "duro, dura, muy duro, muy dura, demasiado duro, demasiado dura, durísimo, durísima, "
                    "me costó, me costó mucho, me ha costado, me ha costado mucho, agotador, agotadora, "
                    "durilla, durillo"
                ),
            )
        case FeedbackType.PAIN:
            return AnswerTypeTexts(
                label="Dolor",
                name="dolor",
                help="te dolió algo",
                said=(
                    "duele, duelen, me duele, me duelen, me dolió, dolió, dolor, dolores, con dolor, "
                    "molestias, molestia, lesionado, lesionada, me lesioné"
                ),
            )


def _question(detail: Detail) -> QuestionTexts:
    match detail:
        case Detail.RPE:
            return QuestionTexts(
                question="¿Cuánto esfuerzo te exigió la sesión en conjunto, de 0 a 10?",
                line="Esfuerzo (RPE) {what}",
                scale=_EFFORT,
                short="RPE {value}",
            )
        case Detail.PLACE:
            return QuestionTexts(question="¿Dónde te duele?", line=_HURTS)
        case Detail.SIDE:
            return QuestionTexts(question="¿De qué lado?", line=_HURTS, short="({value})")
        case Detail.WORDS:
            return QuestionTexts(
                question="✍️ ¿Dónde exactamente? Escríbelo aquí en pocas palabras.",
                line=_HURTS,
                short="«{value}»",
            )
        case Detail.PAIN:
            return QuestionTexts(
                question="¿Cuánto te duele, de 0 a 10?",
                line=_HURTS,
                scale={0: "nada", 10: "el peor dolor"},
                short="{value}/10",
            )
        case Detail.COMPLETED:
            return QuestionTexts(question="¿Hiciste la sesión?", line="Sesión {what}", short="hecha: {value}")
        case Detail.REASON:
            return QuestionTexts(question="¿Qué te lo impidió?", line="Motivo: {what}")
        case Detail.CHANGE:
            return QuestionTexts(question="¿Qué cambió?", line=_CHANGED, unsaid="¿con cambios?")
        case Detail.MOVED:
            return QuestionTexts(question="¿La harás otro día?", line=_CHANGED, unsaid="¿otro día?")


# Foster's words for the CR-10 scale; 6, 8 and 9 have none.
_EFFORT: Mapping[int, str] = {
    0: "reposo",
    1: "muy, muy suave",
    2: "suave",
    3: "moderado",
    4: "algo duro",
    5: "duro",
    7: "muy duro",
    10: "máximo",
}
_HURTS = "Molestia: {what}"
_CHANGED = "Cambio: {what}"


def _word(word: Word) -> str:
    match word:
        case "foot":
            return "pie"
        case "achilles":
            return "tendón de Aquiles"
        case "ankle":
            return "tobillo"
        case "calf":
            return "gemelo"
        case "shin":
            return "espinilla"
        case "knee":
            return "rodilla"
        case "hamstring":
            return "isquiotibiales"
        case "thigh":
            return "muslo"
        case "hip":
            return "cadera"
        case "back":
            return "espalda"
        case "shoulder":
            return "hombro"
        case "other":
            return "otro"
        case "left":
            return "izq."
        case "right":
            return "der."
        case "both":
            return "ambos lados"
        case "all":
            return "entera"
        case "part":
            return "en parte"
        case "no":
            return "no"
        case "ill":
            return "enfermedad"
        case "tired":
            return "cansancio"
        case "no time":
            return "falta de tiempo"
        case "weather":
            return "mal tiempo"
        case "shortened":
            return "más corta"
        case "swapped":
            return "hice otra cosa"
        case "moved":
            return "la paso a otro día"


def _kind(kind: LoggedKind) -> str:
    match kind:
        case "run":
            return "🏃 correr"
        case "ride":
            return "🚴 bici"
        case "swim":
            return "🏊 natación"
        case "strength":
            return "🏋️ fuerza"
        case "walk":
            return "🚶 caminar"
        case "mobility":
            return "🧘 movilidad"


def _spoken(word: Word) -> tuple[str, ...]:
    return _SPOKEN.get(word, ())


_SPOKEN: Mapping[Word, tuple[str, ...]] = {
    "foot": ("talon", "planta", "dedo"),
    "achilles": ("aquiles",),
    "calf": ("gemelo", "gemelos", "pantorrilla"),
    "shin": ("tibia",),
    "hamstring": ("isquios",),
    "thigh": ("cuadriceps",),
    "hip": ("ingle", "gluteo"),
    "back": ("lumbar", "lumbares"),
    "left": ("izquierda", "izquierdo"),
    "right": ("derecha", "derecho"),
    "both": ("ambos", "ambas", "los dos", "las dos"),
}


def _command(command: Command) -> CommandTexts:
    match command:
        case Command.START:
            return CommandTexts(menu="Quién soy, y tu id de Telegram", help="muestra tu id de Telegram")
        case Command.HELP:
            return CommandTexts(menu="Qué puedo hacer", help="esta página")
        case Command.WEEK:
            return CommandTexts(
                menu="Tu semana, con tus respuestas",
                help="muestra tu semana",
                elsewhere="Tu semana es tuya: envíame /week en un chat privado.",
            )
        case Command.PENDING:
            return CommandTexts(menu="Lo que falta por responder", help="lo que falta por responder")
        case Command.UNDO:
            return CommandTexts(menu="Retirar tu última nota", help="retira tu última nota")
        case Command.PAUSE:
            return CommandTexts(
                menu="Detener las preguntas por un tiempo",
                help=(
                    "detiene las preguntas: unos días, hasta un día (/pause viernes) o hasta que envíes"
                    " /resume"
                ),
                for_others=_PAUSE_FOR_OTHERS,
                elsewhere=_PAUSE_ELSEWHERE,
            )
        case Command.RESUME:
            return CommandTexts(
                menu="Terminar la pausa",
                help=None,
                for_others=_PAUSE_FOR_OTHERS,
                elsewhere=_PAUSE_ELSEWHERE,
            )
        case Command.PAIN:
            return CommandTexts(
                menu="Avisar de una molestia, cualquier día",
                help="avisa de una molestia, cualquier día (/pain rodilla 5)",
                elsewhere="Lo que te duele es cosa tuya: escríbeme /pain en un chat privado, por favor.",
                aliases=("dolor", "molestia"),
            )
        case Command.LOG:
            return CommandTexts(
                menu="Anotar una sesión fuera del plan", help="anota una sesión que no está en tu plan"
            )
        case Command.AVAILABILITY:
            return CommandTexts(
                menu="Los días en que puedes entrenar",
                help="le dice a tu entrenador qué días de la semana que viene puedes entrenar",
            )
        case Command.LANGUAGE:
            return CommandTexts(
                menu="Cambiar el idioma",
                help="cambia el idioma",
                elsewhere="Envíame /language en un chat privado, para que no confunda a nadie.",
            )
        case Command.MYDATA:
            return CommandTexts(
                menu="Envíame todo lo guardado sobre mí",
                help="te lo envía",
                for_others=(
                    "/mydata es para deportistas que entrenan: de los demás no guardo respuestas."
                    " /start explica más."
                ),
                elsewhere="Tus datos son tuyos: envíame /mydata en un chat privado.",
            )
        case Command.FORGETME:
            return CommandTexts(
                menu="Borrar lo guardado sobre mí",
                help="lo borra",
                for_others=(
                    "/forgetme es para deportistas que entrenan: de los demás no guardo respuestas."
                    " /start explica más."
                ),
            )
        case Command.PRIVACY:
            return CommandTexts(menu="Qué se guarda y quién lo ve", help="explica qué se guarda")
        case Command.TODAY:
            return CommandTexts(menu="Quién respondió qué, y quién no", help="muestra el día de todos")
        case Command.ATHLETE:
            return CommandTexts(
                menu="Dos semanas de un deportista", help="NOMBRE muestra dos semanas de alguien"
            )
        case Command.ASK:
            return CommandTexts(menu="Escribir a un deportista", help="NOMBRE TEXTO escribe a alguien")
        case Command.SILENT:
            return CommandTexts(menu="Quién no responde", help="muestra quién deja preguntas sin responder")
        case Command.STATS:
            return CommandTexts(
                menu="Cifras, para quien administra",
                help="[días] muestra cifras, para quien administra",
                elsewhere="Solo muestro cifras en un chat privado. Envíame allí /stats.",
            )


_PAUSE_FOR_OTHERS = "/pause y /resume son para deportistas que entrenan. /start explica más."
_PAUSE_ELSEWHERE = "Envíame /pause y /resume en un chat privado, para que no confunda a nadie."


def _attachment(kind: AttachmentKind) -> str:
    match kind:
        case "animation":
            return "animación"
        case "audio":
            return "archivo de audio"
        case "contact":
            return "contacto"
        case "dice":
            return "dado"
        case "document":
            return "archivo"
        case "location":
            return "ubicación"
        case "photo":
            return "foto"
        case "poll":
            return "encuesta"
        case "sticker":
            return "pegatina"
        case "video":
            return "vídeo"
        case "video_note":
            return "mensaje de vídeo"
        case "voice":
            return "mensaje de voz"


_PHRASES = Phrases(
    unclear=(
        "no hecho, no hecha, aún no hecho, casi hecho, casi hecha, medio hecho, medio hecha, de hecho, "
        "bien hecho, hecho polvo, hecha polvo, hecho un asco, no terminé, no lo terminé, no la terminé, "
        "no acabé, no lo acabé, no la acabé, no lo completé, no la completé, no completé, "
        "no pude terminar, no pude terminarlo, no pude terminarla, no pude acabar, no pude acabarlo, "
        "no pude acabarla, no pude completar, no pude completarlo, no pude completarla, no pude dormir, "
        "sin terminar, sin acabar, a medias, no estoy listo, sin dolor, sin dolores, sin molestias, "
        "nada de dolor, ningún dolor, no duele, no me duele, no me duele nada, nada me duele, no me dolió, "
        "no me dolió nada, no dolió, ya no duele, ya no me duele, no me costó, no me costó nada"
    ),
    negations="nada, sin, nunca, ni, tampoco, ningún, ninguno, ninguna, apenas, casi",
    buts="pero, aunque",
)


TEXTS = Texts(
    formats=Formats(
        locale="es_CO",  # as `es`, but September is "sep" in short
        long_date="EEEE, d 'de' MMMM 'de' y",
        day_and_month="d 'de' MMMM",
        short_date="d MMM",
        day_span="del {first} al {last}",
        weekday_and_day="EEEE d",
        weekday_and_date="EEEE d 'de' MMMM",
        time="HH:mm",
        percent="#,##0 %",
        exact_percent="0.00 %",
    ),
    counts=Counts(
        days=Plural(one="{number} día", other="{number} días"),
        sessions=Plural(one="{number} sesión", other="{number} sesiones"),
        questions=Plural(one="{number} pregunta", other="{number} preguntas"),
        updates=Plural(one="{number} actualización", other="{number} actualizaciones"),
    ),
    answers=AnswerTexts(
        type=_answer,
        later="⏰ Luego",
        later_help="eliges cuándo vuelvo a preguntar",
        saved="Guardado: {label}. Toca otro botón para cambiarlo.",
        saved_already="{label} ya estaba guardado. Toca otro botón para cambiarlo.",
        superseded="Después has vuelto a responder. Guardado: {label}.",
        asked_again="De acuerdo, volveré a preguntar {day} a las {time}.",
        today="hoy",
        tomorrow="mañana",
        on_date="el {date}",
        received="¡Recibido! Tu respuesta está a salvo y se guardará en breve.",
        received_unjudged="¡Recibido! Tu toque está a salvo y lo atenderé en breve.",
        not_kept=(
            "Ahora mismo no puedo conservar tu respuesta. Si se arregla en dos minutos, se guardará"
            " sola; si no, vuelve a tocar más tarde, por favor."
        ),
        not_saved=(
            "Algo falla en esta respuesta y no se ha podido guardar. Díselo a tu entrenador, por favor."
        ),
        not_saved_after_all=(
            "Te dije que había recibido tu toque. Algo falla en él y al final no se ha podido guardar."
            " Díselo a tu entrenador, por favor."
        ),
    ),
    refusals=RefusalTexts(
        foreign=(
            "Esta pregunta es para otra persona de este chat, así que no ha cambiado nada. Por tus"
            " sesiones te pregunto aparte."
        ),
        answered=(
            "Ya has respondido a esto, así que no volveré a preguntar. Toca otra respuesta para cambiarla."
        ),
        no_time_left=(
            "Las respuestas cuentan durante {days}, así que más tarde ya no puedo preguntar por esta"
            " sesión. Toca una respuesta ahora."
        ),
        paused=(
            "Estás en pausa, así que no vuelvo a preguntar. Toca una respuesta ahora, o envíame antes"
            " /resume."
        ),
        no_answer="Todavía no tengo tu respuesta a esto. Toca antes una de las respuestas.",
        other_answer="Tu respuesta ya es otra, así que esto no se ha guardado.",
        no_alert="Ya no recuerdo este mensaje, así que no he avisado a nadie.",
        no_note="Ya no recuerdo esta nota, así que no he cambiado nada.",
        not_asked=(
            "Este botón ha caducado, así que no ha hecho nada. Envíame /forgetme si quieres que se borre"
            " todo."
        ),
        week_over="Esa semana ya pasó, así que no ha cambiado nada. Envía /availability para la que viene.",
        forgotten="Después pediste borrarlo todo, y esto se fue con lo demás.",
        too_old=(
            "Este mensaje es demasiado antiguo para que cuente la respuesta, así que no se ha guardado."
            " ¡Gracias!"
        ),
        late=(
            "Pregunté por esta sesión hace {age}. Las respuestas cuentan durante {days}, así que esta no"
            " se ha guardado. ¡Gracias!"
        ),
        unknown=(
            "Ya no recuerdo esta sesión, así que no se ha guardado nada. Díselo a tu entrenador, por favor."
        ),
        refused=(
            "Este botón es para quien entrena, así que no ha cambiado nada. Envíame /start para saber más."
        ),
        invalid="No entiendo este botón, así que no se ha guardado nada. Díselo a tu entrenador, por favor.",
    ),
    details=DetailTexts(
        question=_question,
        word=_word,
        skip="Omitir",
        saved="Guardado: {what}. ¡Gracias!",
        kept="Vale, se queda como está.",
        left_out="Vale, lo dejamos.",
        asked_again="Toca lo que mejor encaje.",
    ),
    notes=NoteTexts(
        noted="📝 Anotado junto a tu respuesta. Tu entrenador lo leerá. Edita tu mensaje para cambiarlo.",
        noted_tap=(
            "📝 Anotado. Toca también uno de los botones de arriba, para que tu nota acompañe a una"
            " respuesta."
        ),
        changed="📝 Tu nota está cambiada.",
        too_long=(
            "Tu nota tiene {number} caracteres y caben {most}, así que no se ha guardado. Acórtala:"
            " edita tu mensaje."
        ),
        which="No sé de qué sesión se trata. Responde a mi pregunta sobre esa sesión, por favor.",
        foreign="Esta pregunta es para otra persona de este chat, así que tu nota no se ha guardado.",
        for_athletes=(
            "Las notas son para deportistas que entrenan, así que esta no se ha guardado. /start explica más."
        ),
        anonymous=(
            "Escribiste esto como el grupo o como un canal, así que no sé de quién es la nota, y no se ha"
            " guardado. Envíala otra vez con tu propio nombre, por favor. Los botones funcionan igual."
        ),
    ),
    words=WordTexts(
        noted="📝 Anotado.",
        noted_with="📝 Anotado en {session}.",
        session_of="la sesión del {day}",
        offered="¿Es tu respuesta? Un toque la guarda: {answers}.",
        unanswered="Toca también una respuesta debajo de su pregunta.",
        full=(
            "Esta sesión ya tiene tantas notas como puedo guardar, así que esta no se ha guardado. Edita "
            "alguna de las otras."
        ),
        full_there="Esa sesión ya tiene tantas notas como puedo guardar, así que la tuya no se mueve.",
        move_button="↪️ Otra sesión",
        back_button="↩️ Retirar",
        stay_button="Dejarla ahí",
        which="Tu nota está en {session}. ¿A qué sesión pertenece?",
        no_other="No sé de ninguna otra sesión a la que pueda referirse.",
        moved="Cambiada de sesión.",
        taken_back="↩️ Retirada: tu nota ya no está en {session}.",
        taken_back_toast="Nota retirada.",
        nothing_to_undo="No hay ninguna nota tuya que pueda retirar.",
    ),
    phrases=_PHRASES,
    attachments=AttachmentTexts(line="📎 También envió: {what}", kind=_attachment),
    prompts=PromptTexts(
        again_after_absence="Estuve fuera un rato y quizá me perdí tu respuesta, así que pregunto otra vez.",
        again_later="Me pediste que volviera más tarde, así que aquí estoy otra vez.",
        again_as_nudge="Por si se te pasó: basta un toque, y tu entrenador planifica con él.",
        again_as_pending="Sin respuesta todavía:",
        words_count="💬 También cuentan unas palabras: escríbeme y tu entrenador las leerá con tu respuesta.",
        words_count_in_reply=(
            "💬 También cuentan unas palabras: responde a este mensaje y tu entrenador las leerá."
        ),
        how="¿Qué tal fue tu sesión?",
        how_on_weekday="¿Qué tal fue la sesión del {weekday}?",
        how_on_date="¿Qué tal fue la sesión del {date}?",
        todays=Plural(one="La sesión de hoy:", other="Hoy, {number} sesiones:"),
        more="… y {number} más",
        intensity="Intensidad: ",
        goal="Objetivo: ",
    ),
    later=LaterTexts(
        in_an_hour="En una hora · {time}",
        this_evening="Esta noche · {time}",
        tomorrow="Mañana · {time}",
        trace="⏰ Vuelvo a preguntar {day} a las {time}.",
        today="hoy",
        on_weekday="el {weekday}",
        on_date="el {date}",
        choose="¿Cuándo vuelvo a preguntar?",
    ),
    copies=CopyTexts(
        asked_below="⤵️ Te lo pregunto otra vez más abajo.",
        answered_below="⤵️ Respondida más abajo.",
        answered_above="⤴️ Respondida más arriba.",
    ),
    pending=PendingTexts(
        none="No hay nada que espere tu respuesta. 👍",
        all=Plural(
            one="{number} pregunta sin respuesta. Te la envío otra vez; basta un toque.",
            other="{number} preguntas sin respuesta. Te las envío otra vez; basta un toque en cada una.",
        ),
        some=(
            "{number} sin respuesta. Te envío las {asked} más antiguas; envía /pending otra vez para ver"
            " las demás."
        ),
    ),
    coach_alerts=CoachAlertTexts(
        pain="🤕 <b>{who}</b> avisa de que siente dolor.",
        session="Sesión: {what}",
        without_name="la del {day}",
        note="Nota: {note}",
        changed="Después cambió la respuesta a {label}.",
        gone="Después se borró la respuesta.",
        seen_button="👀 Visto",
        seen_by="👀 Visto por {who}, {when}",
        notice="👀 Tu entrenador ({who}) ha visto que te duele algo: {what}.",
        seen="Gracias. Se lo hago saber al deportista.",
        plan_refused=(
            "⚠️ No puedo usar el plan <b>{plan}</b>, así que no pregunta ni anula nada:\n{reason}\n"
            "Qué hacer: corrige el plan y vuelve a escribirlo, o retíralo (<code>plan withdraw</code>)."
        ),
        name_athletes=(
            "👥 Ahora hay varios deportistas: {athletes}. Desde ahora, cada plan nuevo tiene que decir de"
            " quién es (<code>athleteId</code>); uno que no lo diga no es de nadie y no pregunta nada. Los"
            " planes que ya estaban siguen siendo de {whose}."
        ),
    ),
    changes=ChangesTexts(
        said="{what} el {day}",
        changed="↪️ {words}, porque dijiste {said}.",
        planned="↪️ Planificado pensando en tu respuesta del {day}: {what}.",
        planned_with="↪️ Planificado pensando en tus respuestas: {said}.",
    ),
    coach=CoachTexts(
        a_coach="tu entrenador",
        from_coach="💬 <b>{who}</b> (entrenador):\n{text}",
        sent_by_coach="💬 <b>{who}</b> (entrenador) te envía esto:",
        sent_by_athlete="💬 {who} envía esto:",
        read_by="👀 Leído por {who}",
        read_toast="Gracias. El deportista ve que lo has leído.",
        on_its_way="📨 En camino a {who}.",
        on_its_way_later="📨 {who} lo recibe a las {time}, cuando terminen sus horas de silencio.",
        no_telegram="{who} todavía no ha aceptado la invitación, así que no puedo escribirle.",
        not_started=(
            "⚠️ {who} no ha iniciado el bot, así que esto no ha llegado. Saldrá en cuanto pulse Iniciar."
        ),
        blocked=("⚠️ {who} ha bloqueado el bot, así que esto no ha llegado. Saldrá en cuanto lo desbloquee."),
        gone="⚠️ Esto no puede llegar: la cuenta de Telegram de {who} ya no existe.",
        not_delivered="⚠️ Esto no le ha llegado a {who}. Telegram dice: {reason}",
        passed_on="📨 Se lo paso a tu entrenador. Si contesta, lo lees aquí.",
        kept="📥 Guardado para tu entrenador, que lo lee junto con tus respuestas.",
        several=(
            "Ese mensaje habla de varios deportistas. Cita la línea de quien te interesa, o envía /ask, el"
            " nombre y el texto."
        ),
        not_here="La persona de ese mensaje ya no entrena aquí.",
        how_to_reply=(
            "Para escribir a un deportista, responde a un mensaje que hable de él, o envía /ask, el"
            " nombre y el"
            " texto. /help dice qué más hay."
        ),
        ask_usage="Escribe /ask, el nombre y el texto: /ask Ana ¿qué tal la rodilla?",
        athlete_usage="Escribe /athlete y un nombre: /athlete Ana",
        several_called=(
            "{name} puede ser más de una persona. Escribe el nombre entero o el id que va detrás:\n{names}"
        ),
        nobody_called="Aquí nadie se llama {name}. Están:\n{names}",
        help=(
            "Este es el chat del entrenador. Aquí llega al momento el dolor, y lo que te escriben los"
            " deportistas.\n\n"
            "Para escribir a alguien, responde a un mensaje que hable de esa persona: le llega a su chat"
            " conmigo,"
            " con tu nombre. Si el mensaje habla de varias, cita la línea de quien te interesa. Lo que"
            " conteste"
            " vuelve aquí.\n\n"
            "{commands}\n\n"
            "No leo nada más de lo que se escribe aquí."
        ),
    ),
    coach_digest=CoachDigestTexts(
        answered="{answered} de {asked} respondidas",
        more=Plural(
            one="y una persona más: /athlete y el nombre",
            other="y {number} más: /athlete y el nombre",
        ),
        nothing_for="Sin novedades: {names}",
        nobody="Todavía no hay deportistas.",
        none_silent=Plural(
            one="Nadie ha dejado una pregunta sin responder.",
            other="Nadie ha dejado {number} preguntas seguidas sin responder.",
        ),
        no_sessions="Sin sesiones en las últimas dos semanas.",
        silent=Plural(
            one="una pregunta sin responder, del {since}",
            other="{number} preguntas seguidas sin responder, desde el {since}",
        ),
        hurts="algo duele",
        pain="{what}, desde el {since}",
        paused="en pausa",
        paused_until="en pausa hasta el {date}",
        not_started="no ha iniciado el bot",
        blocked="ha bloqueado el bot",
        unreachable="no recibe mis mensajes",
        not_answered_yet="❓ sin responder todavía",
        undelivered="📭 mi pregunta no llegó",
    ),
    pain=PainTexts(
        spoken=_spoken,
        spoken_gone=(
            "ya no duele",
            "ya no me duele",
            "no me duele",
            "sin dolor",
            "se fue",
            "se me fue",
            "ya se fue",
            "se me ha pasado",
            "se me paso",
            "ya paso",
            "curado",
            "curada",
        ),
        spoken_same=(
            "igual",
            "sigue igual",
            "lo mismo",
            "sin cambios",
            "mejor",
            "algo mejor",
            "un poco mejor",
            "mucho mejor",
            "va mejor",
            "esta mejor",
        ),
        spoken_worse=(
            "peor",
            "algo peor",
            "un poco peor",
            "mucho peor",
            "esta peor",
            "va a peor",
            "va peor",
            "ha ido a peor",
            "ha empeorado",
            "empeoro",
            "empeora",
        ),
        somewhere="lo que te duele",
        how_now="🤕 ¿Cómo va ahora: {where}?",
        gone="🙂 Ya no duele",
        same="😐 Igual",
        worse="🙁 Peor",
        thanks="Gracias, anotado.",
        noted="🤕 Anotado: {where}. Te preguntaré cómo va hasta que digas que ya no duele.",
        coach_is_told="Se lo digo a tu entrenador.",
        coach_reads="Tu entrenador lo leerá.",
        words_noted="📝 Anotado dónde te duele: {words}.",
        got_worse="🤕 <b>{who}</b> dice que ha ido a peor.",
        by_now="Ahora: {how}",
        told_anew="👇 Hay novedades de esto más abajo.",
    ),
    admin_alerts=AdminAlertTexts(
        telegram_broken=(
            "⚠️ No consigo recibir nada de Telegram desde {since}. Las respuestas esperan en Telegram,"
            " que las olvida a los dos minutos y medio.\n"
            "Qué hacer: mira el registro del servicio. Dice si el problema es la red, el token, un"
            " webhook u otro programa que usa este token."
        ),
        mongodb_broken=(
            "⚠️ MongoDB no responde desde {since}. Lo que me llega no se pierde: lo guardo en el diario"
            " en disco. (Con JOURNAL=mongodb no recojo nada de Telegram, que guarda las respuestas dos"
            " minutos y medio; a quien toca se le avisa.) Pero no salen preguntas.\n"
            "Qué hacer: vuelve a arrancar MongoDB, o revisa MONGO_URL, la red y el espacio libre en su"
            " disco."
        ),
        journal_broken=(
            "⚠️ No puedo escribir en mi diario desde {since}. Hasta que pueda, no recojo"
            " respuestas de Telegram, que las olvida a los dos minutos y medio.\n"
            "Qué hacer: mira el registro del servicio. Dice si el disco está lleno, falta el permiso de"
            " escritura o hay otro archivo en el lugar del diario."
        ),
        backlog_broken=(
            "⚠️ Hay respuestas esperando en el diario desde {since}, aunque MongoDB responde. No se"
            " pierde ninguna.\n"
            "Qué hacer: mira el registro del servicio. Dice qué rechaza MongoDB: faltan permisos, el"
            " disco está lleno o el servidor va demasiado lento."
        ),
        telegram_well=(
            "✅ Vuelvo a recibir de Telegram. No funcionó desde {since} hasta {until} ({duration}). Si"
            " alguien respondió en vano entretanto, le vuelvo a preguntar."
        ),
        mongodb_well=(
            "✅ MongoDB vuelve a responder. No respondió desde {since} hasta {until} ({duration}). Lo que"
            " estaba en el diario se está guardando."
        ),
        journal_well=(
            "✅ Ya puedo escribir de nuevo en mi diario. No pude desde {since} hasta {until} ({duration})."
        ),
        backlog_well=(
            "✅ El diario vuelve a vaciarse. Hubo respuestas esperando desde {since} hasta {until}"
            " ({duration})."
        ),
        dead_letters=(
            "⚠️ No he podido procesar {updates} de Telegram. Lo he apartado en el diario y sigo"
            " adelante; a quien respondió le he dicho que no se guardó.\n"
            "Qué hacer: busca «dead letter» en el registro del servicio y comunica lo que diga."
        ),
        took_over=(
            "⚠️ {host} se encarga ahora: no se sabe nada de {lost}, que recogía las respuestas. Lo que"
            " {lost} había recibido y no había guardado está en su diario, y se guarda cuando vuelva a"
            " funcionar.\n"
            "Qué hacer: vuelve a arrancar el bot en {lost}. Hasta entonces hay un servicio menos de"
            " reserva."
        ),
        took_over_all=(
            "⚠️ {host} se encarga ahora: no se sabe nada de {lost}, que recogía las respuestas. Lo que"
            " {lost} había recibido está en MongoDB y no se pierde.\n"
            "Qué hacer: nada, si tu plataforma puso {host} en su lugar; si no, vuelve a arrancar el bot en"
            " {lost}."
        ),
        coach_unreachable=(
            "⚠️ No puedo escribir en el chat del entrenador (Telegram dice: {reason}). Un deportista ha"
            " avisado de dolor y allí no se sabrá hasta que pueda; sigo intentándolo.\n"
            "Qué hacer: revisa COACH_CHAT_ID, y que yo esté en ese chat y pueda escribir; una persona me"
            " envía /start."
        ),
        not_started=(
            "🚪 No ha iniciado el bot: {who}. Las preguntas no pueden llegar.\n"
            "Qué hacer: que abra el bot en Telegram y pulse Iniciar. Lo que entonces aún se pueda responder"
            " se pregunta enseguida."
        ),
        blocked=(
            "🚪 Ha bloqueado el bot: {who}. Las preguntas no llegan.\n"
            "Qué hacer: que desbloquee el bot. Lo que entonces aún se pueda responder se pregunta enseguida."
        ),
        removed=(
            "🚪 No estoy en el grupo: {who}. Las preguntas no llegan allí.\n"
            "Qué hacer: añádeme al grupo. Lo que entonces aún se pueda responder se pregunta enseguida."
        ),
        muted=(
            "🚪 No puedo escribir en el grupo, o en su tema: {who}. Las preguntas no llegan allí.\n"
            "Qué hacer: dame permiso para escribir y luego escribe algo en el grupo. Lo que entonces aún se"
            " pueda responder se pregunta enseguida."
        ),
        and_more="y {number} más",
        topic_lost=(
            "⚠️ El tema {topic} del chat {chat} no admite mensajes (Telegram dice: {reason}). Lo que es para"
            " ese tema va al chat mismo, donde lo puede leer todo el mundo que está en él.\n"
            "Qué hacer: vuelve a abrir el tema, o pon otro, en COACH_CHAT_ID, con `athlete add --chat-id` o"
            " donde se hace la pregunta."
        ),
        entries_missing=(
            "⚠️ A {found} vi que a mi diario le falta algo: {entries}. Alguien lo borró, lo vació"
            " o lo cambió por una copia anterior. Lo que de ahí había recibido y aún no había guardado"
            " puede haberse perdido. Vuelvo a preguntar, una vez, por lo que está sin respuesta.\n"
            "Qué hacer: averigua qué borró o cambió archivos en DATA_DIR (con JOURNAL=mongodb: la colección"
            " inbox) y mira el registro del servicio."
        ),
        moment="las {time} del {day}",
        entries="las entradas de la {first} a la {last} (hasta {updates})",
        and_later="{entries} y quizá otras posteriores",
        all_after="todo lo posterior a la entrada {last}, no se sabe cuánto",
    ),
    people=PeopleTexts(
        what_i_do=(
            "Después de cada sesión planificada te pregunto qué tal fue. Basta tocar un botón; toca otro"
            " para cambiar tu respuesta.\n\n"
            "/help explica más."
        ),
        connected=(
            "✅ Funciona: puedo escribirte. "
            "Siempre que esté en marcha, te preguntaré aquí cómo te fueron las sesiones previstas."
        ),
        first_session="Tu última sesión, para probarme",
        hello="¡Hola! {what}\n\nTu id de Telegram es {user_id}.",
        hello_admin=(
            "¡Hola! Administras este bot: /stats muestra cómo van las respuestas. /help explica más.\n\n"
            "Tu id de Telegram es {user_id}."
        ),
        hello_coach=(
            "¡Hola! Este es el chat del entrenador: si un deportista avisa de dolor, se cuenta aquí en"
            " el acto. También llega aquí lo que te escriben los deportistas; /help dice qué puedes"
            " hacer.\n\n"
            "Tu id de Telegram es {user_id}."
        ),
        hello_stranger=(
            "¡Hola! Recojo cómo van los entrenamientos de deportistas que un entrenador ha dado de alta,"
            " y a ti todavía no te conozco.\n\n"
            "Tu id de Telegram es {user_id}. Envíaselo a tu entrenador, o a quien lleva este bot, y pide"
            " que te añada."
        ),
        enlisted="¡Hola{name}! Ya estás en la lista. {what}",
        enlisted_before=(
            "Ya estás en la lista{name}, así que no necesitas invitación. Si aun así esta es para ti,"
            " díselo a tu entrenador."
        ),
        as_name=" como {name}",
        invitation_invalid=(
            "Esta invitación no sirve, o ya no. Cada una es para una sola persona y unos días: pide otra"
            " a tu entrenador.\n\n"
            "Tu id de Telegram es {user_id}."
        ),
        invitation_private="Una invitación solo funciona en un chat privado conmigo. Abre allí su enlace.",
        paused=(
            "En pausa. {end}\n\n"
            "Tu entrenador ve que estás en pausa, así que ninguna sesión cuenta como saltada. A lo que"
            " ya pregunté todavía puedes responder."
        ),
        paused_open="No te preguntaré nada hasta que envíes /resume.",
        paused_until=(
            "No te preguntaré nada hasta el {date}; ese día empiezo otra vez. /resume termina la pausa antes."
        ),
        resumed="Pregunto por tus sesiones como está previsto. /pause hace un descanso.",
        pause_usage=(
            "No entiendo hasta cuándo. Escribe un número de días de 1 a 366 (/pause 7) o el día en que"
            " termina: /pause viernes, /pause 24/12, /pause mañana. /pause solo te ofrece botones."
        ),
        help=(
            "Te pregunto por cada sesión planificada, con estos botones:\n\n"
            "{answers}\n\n"
            "Basta un toque. Toca otro botón para cambiar tu respuesta; cuenta la última. A veces"
            " pregunto algo más, como cuánto esfuerzo te exigió: toca, u omítelo. Escríbeme unas palabras o"
            " mándame un audio, y será la nota de esa sesión. Tu entrenador lo lee todo antes de planificar"
            " la semana siguiente.\n\n"
            "¿De viaje o con gripe? {pause}. Tu entrenador lo ve como pausa, no como sesión saltada.\n\n"
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
            "Administras este bot y no estás en su lista de deportistas, así que no te pregunto nada.\n\n"
            "{commands}\n\n"
            "Si algo se estropea, te lo digo aquí, con el remedio. Los planes, la lista de deportistas y lo"
            " demás se llevan donde funciono: feedback-bot --help."
        ),
        try_help=(
            "Con este mensaje no puedo hacer nada, y tu entrenador no lo ve. Toca un botón debajo de mi"
            " pregunta, o escribe unas palabras; /help explica qué más puedo hacer."
        ),
        unknown_command=(
            "No conozco este comando, así que no he hecho nada. /help explica qué puedo hacer. Si es para tu"
            " entrenador, escríbelo sin la /."
        ),
        not_done="Algo falla y no he podido hacer lo que pedías. Díselo a tu entrenador, por favor.",
    ),
    pauses=PauseTexts(
        choose=(
            "¿Cuánto tiempo no te pregunto nada? También puedes escribirlo: /pause 5, /pause viernes,"
            " /pause 24/12"
        ),
        a_week="Una semana",
        until_i_say="Hasta que yo diga",
        begun="De acuerdo, en pausa.",
        running_until="Estás en pausa hasta el {date}; ese día empiezo otra vez. /resume la termina antes.",
        running_open="Estás en pausa: no te pregunto nada hasta que envíes /resume.",
        tomorrow=("mañana",),
        week_words=("semana", "1 semana"),
        open_words=("siempre", "nuevo aviso", "hasta nuevo aviso"),
        day_units=("día", "días"),
        week_units=("s", "semana", "semanas"),
        until=("hasta", "hasta el", "el"),
        weekdays=(
            "lunes lun",
            "martes mar",
            "miércoles mié",
            "jueves jue",
            "viernes vie",
            "sábado sáb",
            "domingo dom",
        ),
    ),
    logbook=LogbookTexts(
        kind=_kind,
        ask_what=(
            "¿Qué hiciste? Tócalo, o escríbelo detrás del comando:"
            " /log 45 min rodaje suave 4 (el 4 es el esfuerzo, de 0 a 10)."
        ),
        ask_minutes="{what}: ¿cuánto duró?",
        minutes="{number} minutos",
        unknown_minutes="no lo sé",
        logged="📓 Anotada, aparte de tu plan:",
        saved="Anotada.",
    ),
    availability=AvailabilityTexts(
        question=(
            "🗓 ¿Qué días puedes entrenar, {week}? Toca un día para marcarlo o desmarcarlo; cada toque se"
            " guarda."
        ),
        possible="Guardado: el {day}, sí.",
        impossible="Guardado: el {day}, no.",
    ),
    languages=LanguageTexts(
        present="Idioma: {name}. Cámbialo con {commands}; /language auto usa el que dice Telegram.",
        chosen="A partir de ahora te escribo en español.",
        automatic="A partir de ahora te escribo en el idioma de tu Telegram, si lo conozco.",
        usage=(
            "Sé escribir {languages}. Envía {commands}, o /language auto para usar el idioma de tu Telegram."
        ),
        named="en {name}",
        either="standard",
    ),
    command=_command,
    rules=RuleTexts(
        for_athletes="/{command} es para deportistas que entrenan. /start explica más.",
        for_admins="/{command} es para quien administra este bot. /help explica qué puedo hacer por ti.",
        for_coach="/{command} funciona en el chat del entrenador.",
        own_chat="Envíame /{command} en nuestro chat privado, por favor.",
        private="Envíame /{command} en un chat privado, por favor.",
        later=(
            "La base de datos no contesta ahora mismo. Inténtalo de nuevo en unos minutos; tus toques"
            " están a salvo entretanto."
        ),
    ),
    privacy=PrivacyTexts(
        privacy=(
            "Qué guardo sobre ti\n"
            "• Tu id de Telegram, tu nombre, zona y horas como las puso tu entrenador, tus pausas y tu"
            " idioma.\n"
            "• Qué te pregunté, cuándo, y qué respondiste: el botón, esfuerzo, dolor, motivo, tus"
            " notas y lo que enviaste con ellas (como referencia de Telegram),"
            " tu nombre de usuario de Telegram, y hasta 50 versiones anteriores de una respuesta que"
            " cambiaste; las sesiones que anotaste, los días en que puedes entrenar y las molestias de las"
            " que avisaste, hasta que pasaron.\n"
            "• Lo que tú y tu entrenador os habéis escrito a través de mí.\n"
            "• Los planes y las cifras semanales que escriben las herramientas de tu entrenador.\n"
            "• Un recuento de toques que no dice de quién son.\n\n"
            "Cuánto tiempo\n"
            "• Respuestas, notas, sus versiones anteriores y el recuento de toques: {feedback}.\n"
            "• Planes: {plans}. Registros de cómo se hicieron: {runs}; los datos con los que se hicieron"
            " y las cifras semanales: hasta que alguien los borre.\n"
            "• Las preguntas y lo que consta en la lista de deportistas: hasta que lo borres tú, o quien"
            " lleva este bot.\n\n"
            "Quién lo ve\n"
            "Tu entrenador, las herramientas que planifican para ti, y quien lleva este bot y su base de"
            " datos.{coach} Los demás deportistas no; en un grupo, todos ven los mensajes de ese grupo.\n\n"
            "Qué más lo conserva\n"
            "Telegram conserva este chat, y los chats con bots no van cifrados de extremo a extremo. Las"
            " copias de seguridad conservan lo que había cuando se hicieron, hasta que quien lleva este"
            " bot las borre.\n\n"
            "/mydata te envía todo lo que hay guardado sobre ti. /forgetme lo borra."
        ),
        coach=(
            " Cuando respondes que te duele algo, aviso enseguida en el chat de tu entrenador; también llega"
            " allí lo que escribes y no es sobre ninguna sesión."
        ),
        mydata=(
            "Todo lo que hay guardado sobre ti, en un archivo JSON; las horas están en UTC. /privacy"
            " explica para qué es, /forgetme lo borra."
        ),
        mydata_cut=(
            "Hay más de lo que Telegram me deja enviar, así que el archivo está cortado; él mismo dice"
            " dónde. Quien lleva este bot puede exportar el resto."
        ),
        forget_button="🗑 Borrar todo",
        keep_button="No borrar",
        what_remains=(
            "Qué queda, y por qué\n"
            "• Los planes y las cifras semanales: los escribió tu entrenador y son parte de sus"
            " registros.{listed}\n"
            "• El recuento de toques, que no dice de quién son.\n"
            "• Cuándo pediste borrarlo, con una marca de la que nadie lee quién eres: con ella rechazo"
            " lo que sea anterior.\n"
            "• Las copias de seguridad ya hechas, hasta que quien lleva este bot las borre; y su"
            " registro, que no contiene ni tus respuestas ni tus notas.\n"
            "• Lo que las bases de datos guardan por si fallan, sus propios registros de cambios, hasta"
            " que lo sobrescriben.\n"
            "• Los mensajes de este chat, y lo que se dijo en el chat de tu entrenador: son de Telegram."
            " Puedes borrar este chat."
        ),
        listed=(
            "\n"
            "• Tu id de Telegram: quien lleva este bot lo puso en su configuración (ATHLETE_IDS), y solo"
            " esa persona puede quitarlo. Para no preguntarte nada, anoto una pausa sin fin, hasta que"
            " me envíes /resume. Si tocas un botón mío antiguo, o respondes a una pregunta antigua,"
            " puede que lo guarde."
        ),
        not_listed=(
            "\n"
            "• El nombre corto que te dio tu entrenador en la lista de deportistas, sin nada más que"
            " diga quién eres."
        ),
        warning=(
            "Esto borra para siempre: tus respuestas con sus notas y versiones anteriores, mis"
            " preguntas, lo que avisé a tu entrenador sobre dolor, lo que os habéis escrito, los días en que"
            " puedes entrenar, tu idioma, y tu nombre, zona, horas y pausas. No te preguntaré nada más.\n\n"
            "{remains}\n\n"
            "¿Lo quieres? El botón funciona durante 10 minutos. /mydata te envía antes una copia."
        ),
        forgotten="Borrado.",
        forgotten_long="Tus datos están borrados y no te preguntaré nada más.\n\n{remains}",
        kept="De acuerdo, no se borra nada.",
    ),
    week=WeekTexts(
        past=("pasada", "anterior"),
        coming=("próxima", "siguiente"),
        usage=(
            "Envía /week para esta semana, /week {past} para la anterior, o /week {coming} para la que viene."
        ),
        not_answered_yet="❓ sin responder todavía",
        not_answered="❔ sin respuesta",
        answered_late="⌛ respondida demasiado tarde para contar",
        answer_unknown="✔️ respondida; ya no se guarda la respuesta",
        paused="⏸ en pausa",
        undelivered="📭 mi pregunta no te llegó",
        not_asked="▫️ sin preguntar",
        not_due="🔜 por venir",
        title="🗓 <b>Tu semana, {days}</b>",
        no_sessions="No hay sesiones planificadas.",
        more="… y {sessions} más",
        answered="Respondidas: {answered} de {asked}",
        pending="/pending vuelve a preguntar por lo que falta.",
        done_share="Hechas: el {share} de las sesiones por las que pregunté",
        effort="Esfuerzo medio (RPE): {mean}",
        load="Carga de las sesiones (RPE × minutos): {load}",
        next="➡️ <b>La semana que viene: {sessions}</b>",
        same="las mismas que esta semana",
        fewer="{number} menos que esta semana",
        greater="{number} más que esta semana",
        rest="sin sesiones",
        why="Por qué: {why}",
        no_plan=(
            "➡️ Tu entrenador lee tus respuestas antes de planificar la semana que viene; el plan aún no está."
        ),
    ),
    figures=FiguresTexts(
        outcomes=OutcomeTexts(
            late="tarde",
            invalid="no válido",
            unknown="desconocido",
            refused="rechazado",
            postponed="aplazado",
            refused_command="mensajes rechazados",
        ),
        prompts=PromptStateTexts(
            pending="pendientes",
            sent="enviadas",
            answered="contestadas",
            late="tarde",
            expired="caducadas",
            undeliverable="no entregables",
            cancelled="canceladas",
        ),
        by_day="Respuestas por día",
        by_week="Respuestas por semana",
        weeks_title="Sesiones por semana, %",
        adherence="cumplimiento",
        response="contestado",
        nothing="nada todavía",
        title="Últimos {days}",
        title_today="Hoy",
        rate="{sign} Guardado: {rate} ({written} de {about}{received})",
        no_taps="Todavía no ha llegado ninguna respuesta.",
        waiting="⏳ En espera: {number}, desde {since}",
        dead_letters="⚠️ Mensajes sin procesar: {number}",
        answers="Respuestas: {number}",
        cut="Guardado desde el {day}: los días anteriores no se cuentan.",
        sessions="Cumplimiento {adherence}, contestado {response} de {asked}",
        not_asked="No se ha preguntado por ninguna sesión.",
        weeks="Por semana: {weeks}",
        weeks_answered="Contestado por semana: {weeks}",
        hours="Contestado, según la hora de la pregunta: {hours}",
        notes="Notas: {number} (por semana: {weeks})",
        delay="Tiempo de respuesta: la mitad en {median}, el 90 % en {p90}",
        not_written="Sin guardar: {counts}",
        more="Otros toques (RPE, dolor): {number}",
        questions="Preguntas: {counts}",
        last="Última consulta {poll}, última respuesta {write}",
        none="ninguna",
        no_picture="(Sin imagen: no se pudo dibujar; mira el registro.)",
        no_extra="(Sin imagen: instala el extra, pip install -e '.[charts]', y reinicia el bot.)",
        usage="Escribe /stats o /stats DÍAS, con un número de días de 1 a 365.",
        later=(
            "La base de datos no contesta ahora mismo, así que no tengo cifras. Los toques están a salvo"
            " entretanto."
        ),
    ),
)
