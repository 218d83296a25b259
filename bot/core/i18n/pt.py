"""All texts in Portuguese, as it is written in Brazil."""

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
                label="Feito",
                name="feito",
                help="você fez como estava previsto",
                said=(
                    "feito, feita, tudo feito, fiz, eu fiz, já fiz, fiz tudo, fiz o treino, terminei, "
                    "concluí, concluído, concluída, completei, acabei, cumpri, treino feito, missão cumprida"
                ),
            )
        case FeedbackType.SKIPPED:
            return AnswerTypeTexts(
                label="Não fiz",
                name="não feito",
                help="você não fez",
                said=(
                    "não fiz, não fiz nada, não deu, não consegui, não consegui ir, não consegui treinar, "
                    "não consegui fazer, não pude, não pude ir, não treinei, não corri, não fui, pulei, "
                    "pulado, pulada, faltei, sem treino hoje"
                ),
            )
        case FeedbackType.HARD:
            return AnswerTypeTexts(
                label="Pesado",
                name="pesado",
                help="você fez, e foi mais pesado do que devia",
                said=(
                    "difícil, muito difícil, puxado, puxada, muito puxado, pesado, muito pesado, sofrido, "
                    "sofri, cansativo, exaustivo"
                ),
            )
        case FeedbackType.PAIN:
            return AnswerTypeTexts(
                label="Dor",
                name="dor",
                help="alguma coisa doeu",
                said=(
                    "dói, doeu, doem, doendo, está doendo, dor, dores, com dor, senti dor, machuquei, "
                    "me machuquei, machucado, machucada"
                ),
            )


def _question(detail: Detail) -> QuestionTexts:
    match detail:
        case Detail.RPE:
            return QuestionTexts(
                question="De 0 a 10, quanto esforço a sessão inteira exigiu?",
                line="Esforço (RPE) {what}",
                scale=_EFFORT,
                short="RPE {value}",
            )
        case Detail.PLACE:
            return QuestionTexts(question="Onde dói?", line=_HURTS)
        case Detail.SIDE:
            return QuestionTexts(question="De que lado?", line=_HURTS, short="({value})")
        case Detail.WORDS:
            return QuestionTexts(
                question="✍️ Onde exatamente? Escreva aqui em poucas palavras.", line=_HURTS, short="“{value}”"
            )
        case Detail.PAIN:
            return QuestionTexts(
                question="De 0 a 10, quanto dói?",
                line=_HURTS,
                scale={0: "nada", 10: "a pior dor"},
                short="{value}/10",
            )
        case Detail.COMPLETED:
            return QuestionTexts(question="Você fez a sessão?", line="Sessão {what}", short="feita: {value}")
        case Detail.REASON:
            return QuestionTexts(question="O que impediu você?", line="Motivo: {what}")
        case Detail.CHANGE:
            return QuestionTexts(question="O que mudou?", line=_CHANGED, unsaid="mudou algo?")
        case Detail.MOVED:
            return QuestionTexts(question="Vai fazer em outro dia?", line=_CHANGED, unsaid="outro dia?")


# Foster's words for the CR-10 scale; 6, 8 and 9 have none.
_EFFORT: Mapping[int, str] = {
    0: "repouso",
    1: "muito, muito leve",
    2: "leve",
    3: "moderado",
    4: "um pouco pesado",
    5: "pesado",
    7: "muito pesado",
    10: "máximo",
}
_HURTS = "Incômodo: {what}"
_CHANGED = "Mudança: {what}"


def _word(word: Word) -> str:
    match word:
        case "foot":
            return "pé"
        case "achilles":
            return "tendão de Aquiles"
        case "ankle":
            return "tornozelo"
        case "calf":
            return "panturrilha"
        case "shin":
            return "canela"
        case "knee":
            return "joelho"
        case "hamstring":
            return "posterior da coxa"
        case "thigh":
            return "coxa"
        case "hip":
            return "quadril"
        case "back":
            return "costas"
        case "shoulder":
            return "ombro"
        case "other":
            return "outro"
        case "left":
            return "esq."
        case "right":
            return "dir."
        case "both":
            return "os dois lados"
        case "all":
            return "inteira"
        case "part":
            return "em parte"
        case "no":
            return "não"
        case "ill":
            return "doença"
        case "tired":
            return "cansaço"
        case "no time":
            return "falta de tempo"
        case "weather":
            return "mau tempo"
        case "shortened":
            return "mais curta"
        case "swapped":
            return "fiz outra coisa"
        case "moved":
            return "fica para outro dia"


def _kind(kind: LoggedKind) -> str:
    match kind:
        case "run":
            return "🏃 corrida"
        case "ride":
            return "🚴 pedalada"
        case "swim":
            return "🏊 natação"
        case "strength":
            return "🏋️ força"
        case "walk":
            return "🚶 caminhada"
        case "mobility":
            return "🧘 mobilidade"


def _spoken(word: Word) -> tuple[str, ...]:
    return _SPOKEN.get(word, ())


_SPOKEN: Mapping[Word, tuple[str, ...]] = {
    "foot": ("calcanhar", "sola", "dedo"),
    "achilles": ("aquiles",),
    "calf": ("batata da perna",),
    "shin": ("tibia",),
    "hamstring": ("isquiotibiais",),
    "thigh": ("quadriceps",),
    "hip": ("virilha", "gluteo"),
    "back": ("lombar",),
    "left": ("esquerda", "esquerdo"),
    "right": ("direita", "direito"),
    "both": ("ambos", "ambas", "os dois", "as duas"),
}


def _command(command: Command) -> CommandTexts:
    match command:
        case Command.START:
            return CommandTexts(menu="Quem sou, e seu id do Telegram", help="mostra seu id do Telegram")
        case Command.HELP:
            return CommandTexts(menu="O que posso fazer", help="esta página")
        case Command.WEEK:
            return CommandTexts(
                menu="Sua semana, com suas respostas",
                help="mostra sua semana",
                elsewhere="Sua semana é só sua: me envie /week em um chat privado.",
            )
        case Command.PENDING:
            return CommandTexts(menu="O que falta responder", help="o que falta responder")
        case Command.UNDO:
            return CommandTexts(menu="Desfazer sua última nota", help="desfaz sua última nota")
        case Command.PAUSE:
            return CommandTexts(
                menu="Parar as perguntas por um tempo",
                help=(
                    "para as perguntas: por alguns dias, até um dia (/pause sexta) ou até você enviar /resume"
                ),
                for_others=_PAUSE_FOR_OTHERS,
                elsewhere=_PAUSE_ELSEWHERE,
            )
        case Command.RESUME:
            return CommandTexts(
                menu="Terminar a pausa",
                help=None,
                for_others=_PAUSE_FOR_OTHERS,
                elsewhere=_PAUSE_ELSEWHERE,
            )
        case Command.PAIN:
            return CommandTexts(
                menu="Avisar de uma dor, em qualquer dia",
                help="avisa de uma dor, em qualquer dia (/pain joelho 5)",
                elsewhere="O que dói é assunto seu: mande /pain em um chat privado, por favor.",
                aliases=("dor", "dores"),
            )
        case Command.LOG:
            return CommandTexts(
                menu="Anotar uma sessão fora do plano", help="anota uma sessão que não está no seu plano"
            )
        case Command.AVAILABILITY:
            return CommandTexts(
                menu="Os dias em que você pode treinar",
                help="diz ao seu treinador em que dias da próxima semana você pode treinar",
            )
        case Command.LANGUAGE:
            return CommandTexts(
                menu="Mudar o idioma",
                help="muda o idioma",
                elsewhere="Me envie /language em um chat privado, para eu não confundir ninguém.",
            )
        case Command.MYDATA:
            return CommandTexts(
                menu="Receber tudo o que está guardado sobre mim",
                help="envia tudo a você",
                for_others=(
                    "/mydata é para atletas que treinam: sobre as outras pessoas não guardo respostas."
                    " /start explica mais."
                ),
                elsewhere="Seus dados são seus: me envie /mydata em um chat privado.",
            )
        case Command.FORGETME:
            return CommandTexts(
                menu="Apagar o que está guardado sobre mim",
                help="apaga tudo",
                for_others=(
                    "/forgetme é para atletas que treinam: sobre as outras pessoas não guardo respostas."
                    " /start explica mais."
                ),
            )
        case Command.PRIVACY:
            return CommandTexts(menu="O que é guardado, e quem vê", help="diz o que é guardado")
        case Command.TODAY:
            return CommandTexts(menu="Quem respondeu o quê, e quem não", help="mostra o dia de todos")
        case Command.ATHLETE:
            return CommandTexts(menu="Duas semanas de um atleta", help="NOME mostra duas semanas de alguém")
        case Command.ASK:
            return CommandTexts(menu="Escrever a um atleta", help="NOME TEXTO escreve a alguém")
        case Command.SILENT:
            return CommandTexts(menu="Quem não responde", help="mostra quem deixa perguntas sem resposta")
        case Command.STATS:
            return CommandTexts(
                menu="Números, para quem administra",
                help="[dias] mostra números, para quem administra",
                elsewhere="Só mostro números em um chat privado. Me envie /stats lá.",
            )


_PAUSE_FOR_OTHERS = "/pause e /resume são para atletas que treinam. /start explica mais."
_PAUSE_ELSEWHERE = "Me envie /pause e /resume em um chat privado, para eu não confundir ninguém."


def _attachment(kind: AttachmentKind) -> str:
    match kind:
        case "animation":
            return "animação"
        case "audio":
            return "arquivo de áudio"
        case "contact":
            return "contato"
        case "dice":
            return "dado"
        case "document":
            return "arquivo"
        case "location":
            return "localização"
        case "photo":
            return "foto"
        case "poll":
            return "enquete"
        case "sticker":
            return "figurinha"
        case "video":
            return "vídeo"
        case "video_note":
            return "mensagem de vídeo"
        case "voice":
            return "mensagem de voz"


_PHRASES = Phrases(
    unclear=(
        "não feito, não feita, quase feito, meio feito, bem feito, quase terminei, não terminei, "
        "não acabei, não completei, não concluí, não fiz tudo, não consegui terminar, não consegui acabar, "
        "não consegui completar, não consegui concluir, não deu para terminar, não deu pra terminar, "
        "não deu para acabar, não consegui dormir, sem dor, sem dores, nenhuma dor, sem nenhuma dor, "
        "não dói, não dói nada, não doeu, não doeu nada, nada dói, nada doeu, não está doendo, "
        "não senti dor, não sinto dor, parou de doer, difícil dizer"
    ),
    negations="não, sem, nem, nenhum, nenhuma, quase",
    buts="mas, porém",
)


TEXTS = Texts(
    formats=Formats(
        locale="pt_BR",
        long_date="EEEE, d 'de' MMMM 'de' y",
        day_and_month="d 'de' MMMM",
        short_date="d MMM",
        day_span="{first} a {last}",
        weekday_and_day="EEEE, d",
        weekday_and_date="EEEE, d 'de' MMMM",
        time="HH:mm",
        percent="#,##0 %",
        exact_percent="0.00 %",
    ),
    counts=Counts(
        days=Plural(one="{number} dia", other="{number} dias"),
        sessions=Plural(one="{number} sessão", other="{number} sessões"),
        questions=Plural(one="{number} pergunta", other="{number} perguntas"),
        updates=Plural(one="{number} atualização", other="{number} atualizações"),
    ),
    answers=AnswerTexts(
        type=_answer,
        later="⏰ Depois",
        later_help="você escolhe quando pergunto de novo",
        saved="Salvo: {label}. Toque em outro botão para mudar.",
        saved_already="{label} já estava salvo. Toque em outro botão para mudar.",
        superseded="Você respondeu de novo depois disso. Salvo: {label}.",
        asked_again="Combinado, pergunto de novo {day} às {time}.",
        today="hoje",
        tomorrow="amanhã",
        on_date="{date}",
        received="Recebi! Sua resposta está segura e será salva em instantes.",
        received_unjudged="Recebi! Seu toque está seguro e cuido dele em instantes.",
        not_kept=(
            "Agora não consigo guardar sua resposta. Se isso se resolver em dois minutos, ela é salva"
            " sozinha; se não, toque de novo mais tarde, por favor."
        ),
        not_saved="Há algo errado com esta resposta e não deu para salvar. Avise seu treinador, por favor.",
        not_saved_after_all=(
            "Eu disse que tinha recebido seu toque. Há algo errado com ele e, no fim, não deu para salvar."
            " Avise seu treinador, por favor."
        ),
    ),
    refusals=RefusalTexts(
        foreign=(
            "Esta pergunta é para outra pessoa deste chat, então nada mudou. Sobre as suas sessões eu"
            " pergunto à parte."
        ),
        answered="Você já respondeu, então não pergunto de novo. Toque em outra resposta para mudar.",
        no_time_left=(
            "As respostas valem por {days}, então mais tarde não posso mais perguntar sobre esta sessão."
            " Toque em uma resposta agora."
        ),
        paused=(
            "Você está em pausa, então não pergunto de novo. Toque em uma resposta agora, ou me envie"
            " /resume antes."
        ),
        no_answer="Ainda não tenho sua resposta a isto. Toque primeiro em uma das respostas.",
        other_answer="Sua resposta já é outra, então isto não foi salvo.",
        no_alert="Não me lembro mais desta mensagem, então ninguém foi avisado.",
        no_note="Não me lembro mais desta nota, então nada mudou.",
        not_asked=(
            "Este botão venceu, então não fez nada. Me envie /forgetme se quiser que tudo seja apagado."
        ),
        week_over="Essa semana já passou, então nada mudou. Envie /availability para a próxima.",
        forgotten="Depois disso você pediu para apagar tudo, e isto foi junto.",
        too_old="Esta mensagem é antiga demais para a resposta valer, então não foi salva. Obrigado!",
        late=(
            "Perguntei sobre esta sessão há {age}. As respostas valem por {days}, então esta não foi"
            " salva. Obrigado!"
        ),
        unknown="Não me lembro mais desta sessão, então nada foi salvo. Avise seu treinador, por favor.",
        refused="Este botão é para quem treina, então nada mudou. Me envie /start para saber mais.",
        invalid="Não entendo este botão, então nada foi salvo. Avise seu treinador, por favor.",
    ),
    details=DetailTexts(
        question=_question,
        word=_word,
        skip="Passar",
        saved="Salvo: {what}. Obrigado!",
        kept="Certo, fica como está.",
        left_out="Certo, deixamos assim.",
        asked_again="Toque no que combina melhor.",
    ),
    notes=NoteTexts(
        noted="📝 Anotado junto com sua resposta. Seu treinador vai ler. Edite sua mensagem para mudar.",
        noted_tap=(
            "📝 Anotado. Toque também em um dos botões acima, para a sua nota acompanhar uma resposta."
        ),
        changed="📝 Sua nota foi alterada.",
        too_long=(
            "Sua nota tem {number} caracteres e cabem {most}, então não foi salva. Encurte: edite sua"
            " mensagem."
        ),
        which="Não sei de qual sessão se trata. Responda à minha pergunta sobre ela, por favor.",
        foreign="Esta pergunta é para outra pessoa deste chat, então sua nota não foi salva.",
        for_athletes="As notas são para atletas que treinam, então esta não foi salva. /start explica mais.",
        anonymous=(
            "Você escreveu como o grupo ou como um canal, então não sei de quem é a nota, e ela não foi"
            " salva. Envie de novo em seu próprio nome, por favor. Os botões funcionam do mesmo jeito."
        ),
    ),
    words=WordTexts(
        noted="📝 Anotado.",
        noted_with="📝 Anotado junto com {session}.",
        session_of="a sessão de {day}",
        offered="É essa a sua resposta? Um toque salva: {answers}.",
        unanswered="Toque também em uma resposta embaixo da pergunta.",
        full=(
            "Esta sessão já tem todas as notas que consigo guardar, então esta não foi salva. Edite uma "
            "das outras."
        ),
        full_there="Essa sessão já tem todas as notas que consigo guardar, então a sua fica onde está.",
        move_button="↪️ Outra sessão",
        back_button="↩️ Desfazer",
        stay_button="Deixar lá",
        which="Sua nota está junto com {session}. De qual sessão ela é?",
        no_other="Não conheço outra sessão de que ela possa ser.",
        moved="Mudou de sessão.",
        taken_back="↩️ Desfeito: sua nota não está mais junto com {session}.",
        taken_back_toast="Nota desfeita.",
        nothing_to_undo="Não há nenhuma nota sua para desfazer.",
    ),
    phrases=_PHRASES,
    attachments=AttachmentTexts(line="📎 Enviou também: {what}", kind=_attachment),
    prompts=PromptTexts(
        again_after_absence=(
            "Estive fora um tempo e talvez tenha perdido sua resposta, então pergunto de novo."
        ),
        again_later="Você pediu para eu voltar mais tarde, então aqui estou de novo.",
        again_as_nudge="Caso tenha passado batido: basta um toque, e seu treinador planeja com ele.",
        again_as_pending="Ainda sem resposta:",
        words_count="💬 Umas palavras também contam: me escreva, e seu treinador lê junto com a resposta.",
        words_count_in_reply="💬 Umas palavras também contam: responda a esta mensagem, e seu treinador lê.",
        how="Como foi sua sessão?",
        how_on_weekday="Como foi a sessão de {weekday}?",
        how_on_date="Como foi a sessão de {date}?",
        todays=Plural(one="A sessão de hoje:", other="As {number} sessões de hoje:"),
        more="… e mais {number}",
        intensity="Intensidade: ",
        goal="Objetivo: ",
    ),
    later=LaterTexts(
        in_an_hour="Em uma hora · {time}",
        this_evening="Hoje à noite · {time}",
        tomorrow="Amanhã · {time}",
        trace="⏰ Pergunto de novo {day} às {time}.",
        today="hoje",
        on_weekday="{weekday}",
        on_date="{date}",
        choose="Quando pergunto de novo?",
    ),
    copies=CopyTexts(
        asked_below="⤵️ Perguntei de novo mais abaixo.",
        answered_below="⤵️ Respondida mais abaixo.",
        answered_above="⤴️ Respondida mais acima.",
    ),
    pending=PendingTexts(
        none="Nada está esperando sua resposta. 👍",
        all=Plural(
            one="{number} pergunta sem resposta. Aqui vai ela de novo; basta um toque.",
            other="{number} perguntas sem resposta. Aqui vão elas de novo; basta um toque em cada uma.",
        ),
        some=(
            "{number} sem resposta. Aqui vão as {asked} mais antigas; envie /pending de novo para as outras."
        ),
    ),
    coach_alerts=CoachAlertTexts(
        pain="🤕 <b>{who}</b> está com dor.",
        session="Sessão: {what}",
        without_name="a de {day}",
        note="Nota: {note}",
        changed="Depois a resposta mudou para {label}.",
        gone="Depois a resposta foi apagada.",
        seen_button="👀 Visto",
        seen_by="👀 Visto por {who}, {when}",
        notice="👀 Seu treinador ({who}) viu que alguma coisa dói: {what}.",
        seen="Obrigado. O atleta fica sabendo que você viu.",
        plan_refused=(
            "⚠️ Não consigo usar o plano <b>{plan}</b>, então ele não pergunta nem cancela nada:\n{reason}\n"
            "O que fazer: corrija o plano e grave de novo, ou retire o plano (<code>plan withdraw</code>)."
        ),
        name_athletes=(
            "👥 Agora há vários atletas: {athletes}. A partir de agora, cada plano novo precisa dizer de quem"
            " é (<code>athleteId</code>); um que não diz não é de ninguém e não pergunta nada. Os planos que"
            " já estavam aqui continuam sendo de {whose}."
        ),
    ),
    changes=ChangesTexts(
        said="{what} ({day})",
        changed="↪️ {words}, porque você disse {said}.",
        planned="↪️ Planejado pensando na sua resposta ({day}): {what}.",
        planned_with="↪️ Planejado pensando nas suas respostas: {said}.",
    ),
    coach=CoachTexts(
        a_coach="seu treinador",
        from_coach="💬 <b>{who}</b> (treinador):\n{text}",
        sent_by_coach="💬 <b>{who}</b> (treinador) mandou isto para você:",
        sent_by_athlete="💬 {who} mandou isto:",
        read_by="👀 Lido por {who}",
        read_toast="Obrigado. O atleta vê que você leu.",
        on_its_way="📨 A caminho de {who}.",
        on_its_way_later="📨 {who} recebe às {time}, quando acabar o horário de silêncio.",
        no_telegram="{who} ainda não aceitou o convite, então não consigo escrever.",
        not_started=("⚠️ {who} não iniciou o bot, então isto não chegou. Vai assim que tocar em Iniciar."),
        blocked="⚠️ {who} bloqueou o bot, então isto não chegou. Vai assim que desbloquear.",
        gone="⚠️ Isto não tem como chegar: a conta de {who} no Telegram não existe mais.",
        not_delivered="⚠️ Isto não chegou a {who}. O Telegram diz: {reason}",
        passed_on="📨 Passei para o seu treinador. Se ele responder, você lê aqui.",
        kept="📥 Guardado para o seu treinador, que lê junto com as suas respostas.",
        several=(
            "Essa mensagem fala de vários atletas. Cite a linha de quem você quer, ou mande /ask, o nome e o"
            " texto."
        ),
        not_here="A pessoa dessa mensagem não treina mais aqui.",
        how_to_reply=(
            "Para escrever a um atleta, responda a uma mensagem sobre ele, ou mande /ask, o nome e o texto."
            " /help diz o que mais existe."
        ),
        ask_usage="Escreva /ask, o nome e o texto: /ask Ana como está o joelho?",
        athlete_usage="Escreva /athlete e um nome: /athlete Ana",
        several_called=(
            "{name} pode ser mais de uma pessoa. Escreva o nome inteiro ou o id que vem depois:\n{names}"
        ),
        nobody_called="Ninguém aqui se chama {name}. Estão aqui:\n{names}",
        help=(
            "Este é o chat do treinador. Aqui chega na hora a dor, e o que os atletas escrevem para você.\n\n"
            "Para escrever a alguém, responda a uma mensagem sobre essa pessoa: chega no chat dela"
            " comigo, com o"
            " seu nome. Se a mensagem fala de várias, cite a linha de quem você quer. A resposta volta para"
            " cá.\n\n"
            "{commands}\n\n"
            "Não leio mais nada do que se escreve aqui."
        ),
    ),
    coach_digest=CoachDigestTexts(
        answered="{answered} de {asked} com resposta",
        more=Plural(one="e mais uma pessoa: /athlete e o nome", other="e mais {number}: /athlete e o nome"),
        nothing_for="Sem novidades: {names}",
        nobody="Ainda não há atletas.",
        none_silent=Plural(
            one="Ninguém deixou uma pergunta sem resposta.",
            other="Ninguém deixou {number} perguntas seguidas sem resposta.",
        ),
        no_sessions="Nenhuma sessão nas últimas duas semanas.",
        silent=Plural(
            one="uma pergunta sem resposta, de {since}",
            other="{number} perguntas seguidas sem resposta, desde {since}",
        ),
        hurts="alguma coisa dói",
        pain="{what}, desde {since}",
        paused="em pausa",
        paused_until="em pausa até {date}",
        not_started="não iniciou o bot",
        blocked="bloqueou o bot",
        unreachable="não recebe minhas mensagens",
        not_answered_yet="❓ ainda sem resposta",
        undelivered="📭 minha pergunta não chegou",
    ),
    pain=PainTexts(
        spoken=_spoken,
        spoken_gone=(
            "passou",
            "ja passou",
            "sumiu",
            "nao doi mais",
            "nao doi",
            "sem dor",
            "parou de doer",
            "sarou",
            "curado",
            "curada",
        ),
        spoken_same=(
            "igual",
            "na mesma",
            "a mesma coisa",
            "continua igual",
            "sem mudanca",
            "melhor",
            "um pouco melhor",
            "bem melhor",
            "muito melhor",
            "esta melhor",
            "melhorou",
        ),
        spoken_worse=(
            "pior",
            "um pouco pior",
            "bem pior",
            "muito pior",
            "esta pior",
            "piorou",
            "piorando",
            "ficou pior",
        ),
        somewhere="o que está doendo",
        how_now="🤕 Como está agora: {where}?",
        gone="🙂 Passou",
        same="😐 Na mesma",
        worse="🙁 Pior",
        thanks="Obrigado, anotado.",
        noted="🤕 Anotado: {where}. Vou perguntar como está até você dizer que passou.",
        coach_is_told="Seu treinador fica sabendo.",
        coach_reads="Seu treinador vai ler.",
        words_noted="📝 Anotado onde dói: {words}.",
        got_worse="🤕 <b>{who}</b> diz que piorou.",
        by_now="Agora: {how}",
        told_anew="👇 Há novidades disto mais abaixo.",
    ),
    admin_alerts=AdminAlertTexts(
        telegram_broken=(
            "⚠️ Não consigo receber nada do Telegram desde {since}. Os toques esperam no Telegram, que os"
            " esquece em dois minutos e meio.\n"
            "O que fazer: veja o log do serviço. Ele diz se o problema é a rede, o token, um webhook ou"
            " outro programa com este token."
        ),
        mongodb_broken=(
            "⚠️ O MongoDB não responde desde {since}. O que chega até mim não se perde: guardo no diário"
            " em disco. (Com JOURNAL=mongodb não recolho nada do Telegram, que guarda os toques por dois"
            " minutos e meio; quem toca é avisado.) Mas nenhuma pergunta sai.\n"
            "O que fazer: inicie o MongoDB de novo, ou confira MONGO_URL, a rede e o espaço livre no disco"
            " dele."
        ),
        journal_broken=(
            "⚠️ Não consigo escrever no meu diário desde {since}. Até conseguir, não recolho toques"
            " do Telegram, que os esquece em dois minutos e meio.\n"
            "O que fazer: veja o log do serviço. Ele diz se o disco está cheio, se falta permissão de"
            " escrita ou se há outro arquivo no lugar do diário."
        ),
        backlog_broken=(
            "⚠️ Há respostas esperando no diário desde {since}, embora o MongoDB responda. Nenhuma se"
            " perdeu.\n"
            "O que fazer: veja o log do serviço. Ele diz o que o MongoDB recusa: faltam permissões, o disco"
            " está cheio ou o servidor está lento demais."
        ),
        telegram_well=(
            "✅ Voltei a receber do Telegram. Não funcionou de {since} até {until} ({duration}). Se alguém"
            " tocou em vão nesse tempo, pergunto de novo."
        ),
        mongodb_well=(
            "✅ O MongoDB responde de novo. Ficou fora de {since} até {until} ({duration}). O que estava no"
            " diário está sendo salvo."
        ),
        journal_well=(
            "✅ Consigo escrever de novo no meu diário. Não consegui de {since} até {until} ({duration})."
        ),
        backlog_well=(
            "✅ O diário voltou a andar. Houve respostas esperando de {since} até {until} ({duration})."
        ),
        dead_letters=(
            "⚠️ Não deu para processar {updates} do Telegram. Separei isso no diário e segui em frente; quem"
            " tocou foi avisado de que não foi salvo.\n"
            "O que fazer: procure “dead letter” no log do serviço e informe o que ele diz ali."
        ),
        took_over=(
            "⚠️ {host} assumiu: não há notícia de {lost}, que recolhia os toques. O que {lost} tinha recebido"
            " e ainda não tinha salvo está no diário dele, e é salvo quando ele voltar.\n"
            "O que fazer: inicie o bot em {lost} de novo. Até lá há um serviço de reserva a menos."
        ),
        took_over_all=(
            "⚠️ {host} assumiu: não há notícia de {lost}, que recolhia os toques. O que {lost} tinha recebido"
            " está no MongoDB e não se perde.\n"
            "O que fazer: nada, se a sua plataforma pôs {host} no lugar dele; senão, inicie o bot em {lost}"
            " de novo."
        ),
        coach_unreachable=(
            "⚠️ Não consigo escrever no chat do treinador (o Telegram diz: {reason}). Um atleta avisou que"
            " está com dor, e lá não se sabe disso até eu conseguir; continuo tentando.\n"
            "O que fazer: confira COACH_CHAT_ID, e se estou nesse chat e posso escrever; uma pessoa me envia"
            " /start."
        ),
        not_started=(
            "🚪 Não iniciou o bot: {who}. As perguntas não podem chegar.\n"
            "O que fazer: a pessoa abre o bot no Telegram e toca em Iniciar. O que ainda puder ser respondido"
            " é perguntado na hora."
        ),
        blocked=(
            "🚪 Bloqueou o bot: {who}. As perguntas não chegam.\n"
            "O que fazer: a pessoa desbloqueia o bot. O que ainda puder ser respondido é perguntado na hora."
        ),
        removed=(
            "🚪 Não estou no grupo: {who}. As perguntas não chegam lá.\n"
            "O que fazer: me adicione ao grupo. O que ainda puder ser respondido é perguntado na hora."
        ),
        muted=(
            "🚪 Não posso escrever no grupo, ou no tópico dele: {who}. As perguntas não chegam lá.\n"
            "O que fazer: me deixe escrever lá e depois escreva você algo no grupo. O que ainda puder ser"
            " respondido é perguntado na hora."
        ),
        and_more="e mais {number}",
        topic_lost=(
            "⚠️ O tópico {topic} do chat {chat} não aceita mensagens (o Telegram diz: {reason}). O que é para"
            " ele vai para o próprio chat, onde todos podem ler.\n"
            "O que fazer: abra o tópico de novo, ou defina outro, em COACH_CHAT_ID, com `athlete add"
            " --chat-id` ou onde a pergunta é feita."
        ),
        entries_missing=(
            "⚠️ Em {found} percebi que falta algo no meu diário: {entries}. Ele foi apagado, esvaziado"
            " ou trocado por uma cópia antiga. O que eu tinha recebido ali e ainda não tinha salvo pode"
            " estar perdido. Pergunto de novo, uma vez, pelo que está sem resposta.\n"
            "O que fazer: descubra o que apagou ou trocou arquivos em DATA_DIR (com JOURNAL=mongodb: a"
            " coleção inbox), e veja o log do serviço."
        ),
        moment="{time} de {day}",
        entries="as entradas de {first} a {last} (até {updates})",
        and_later="{entries} e talvez outras depois",
        all_after="tudo depois da entrada {last}, não se sabe quanto",
    ),
    people=PeopleTexts(
        what_i_do=(
            "Depois de cada sessão planejada pergunto como foi. Basta um toque em um botão; toque em outro"
            " para mudar sua resposta.\n\n"
            "/help explica mais."
        ),
        connected=(
            "✅ Funciona: consigo escrever para você. "
            "Sempre que eu estiver no ar, pergunto aqui como foram os treinos planejados."
        ),
        first_session="Seu último treino, para me testar",
        hello="Olá! {what}\n\nSeu id do Telegram é {user_id}.",
        hello_admin=(
            "Olá! Você administra este bot: /stats mostra como vão as respostas. /help explica mais.\n\n"
            "Seu id do Telegram é {user_id}."
        ),
        hello_coach=(
            "Olá! Este é o chat do treinador: quando um atleta avisa que está com dor, é contado aqui na"
            " hora. O que os atletas escrevem para você também chega aqui; /help diz o que você pode"
            " fazer.\n\n"
            "Seu id do Telegram é {user_id}."
        ),
        hello_stranger=(
            "Olá! Recolho como foram os treinos de atletas que um treinador cadastrou, e ainda não conheço"
            " você.\n\n"
            "Seu id do Telegram é {user_id}. Envie-o ao seu treinador, ou a quem cuida deste bot, e peça"
            " para entrar na lista."
        ),
        enlisted="Olá{name}! Você já está na lista. {what}",
        enlisted_before=(
            "Você já está na lista{name}, então não precisa de convite. Se mesmo assim este for para você,"
            " avise seu treinador."
        ),
        as_name=" como {name}",
        invitation_invalid=(
            "Este convite não vale, ou não vale mais. Cada um é para uma só pessoa e por alguns dias: peça"
            " outro ao seu treinador.\n\n"
            "Seu id do Telegram é {user_id}."
        ),
        invitation_private="Um convite só funciona em um chat privado comigo. Abra o link dele lá.",
        paused=(
            "Em pausa. {end}\n\n"
            "Seu treinador vê que você está em pausa, então nenhuma sessão conta como não feita. O que já"
            " perguntei ainda pode ser respondido."
        ),
        paused_open="Não pergunto nada até você enviar /resume.",
        paused_until="Não pergunto nada até {date}; nesse dia recomeço. /resume termina a pausa antes.",
        resumed="Pergunto sobre suas sessões como planejado. /pause faz um descanso.",
        pause_usage=(
            "Não entendi até quando. Escreva um número de dias de 1 a 366 (/pause 7) ou o dia em que ela"
            " termina: /pause sexta, /pause 24/12, /pause amanhã. Só /pause oferece botões."
        ),
        help=(
            "Pergunto sobre cada sessão planejada, com estes botões:\n\n"
            "{answers}\n\n"
            "Basta um toque. Toque em outro botão para mudar sua resposta; vale a última. Às vezes pergunto"
            " mais uma coisa, como quanto esforço exigiu: toque, ou pule. Escreva algumas palavras ou"
            " mande um áudio, e isso vira a nota da sessão. Seu treinador lê tudo antes de planejar a"
            " semana seguinte.\n\n"
            "Viajando ou doente? {pause}. Seu treinador vê como pausa, não como sessão não feita.\n\n"
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
            "Você administra este bot e não está na lista de atletas, por isso não pergunto nada a você.\n\n"
            "{commands}\n\n"
            "Se algo quebrar, aviso você aqui, com a solução. Os planos, a lista de atletas e o resto são"
            " cuidados onde eu rodo: feedback-bot --help."
        ),
        try_help=(
            "Não consigo fazer nada com esta mensagem, e seu treinador não a vê. Toque em um botão abaixo da"
            " minha pergunta, ou escreva algumas palavras; /help diz o que mais posso fazer."
        ),
        unknown_command=(
            "Não conheço este comando, então nada foi feito. /help diz o que posso fazer. Se é para seu"
            " treinador, escreva sem a /."
        ),
        not_done="Há algo errado, e não consegui fazer o que você pediu. Avise seu treinador, por favor.",
    ),
    pauses=PauseTexts(
        choose=(
            "Por quanto tempo não pergunto nada? Você também pode escrever: /pause 5, /pause sexta,"
            " /pause 24/12"
        ),
        a_week="Uma semana",
        until_i_say="Até eu avisar",
        begun="Certo, em pausa.",
        running_until="Você está em pausa até {date}; nesse dia começo de novo. /resume termina antes.",
        running_open="Você está em pausa: não pergunto nada até você enviar /resume.",
        tomorrow=("amanhã",),
        week_words=("1 semana",),
        open_words=("sempre", "segunda ordem", "até segunda ordem"),
        day_units=("dia", "dias"),
        week_units=("sem",),
        until=("até", "até a", "até o", "a"),
        weekdays=(
            "segunda segunda-feira seg",
            "terça terça-feira ter",
            "quarta quarta-feira qua",
            "quinta quinta-feira qui",
            "sexta sexta-feira sex",
            "sábado",
            "domingo",
        ),
    ),
    logbook=LogbookTexts(
        kind=_kind,
        ask_what=(
            "O que você fez? Toque, ou escreva depois do comando:"
            " /log 45 min corrida leve 4 (o 4 é o esforço, de 0 a 10)."
        ),
        ask_minutes="{what}: quanto tempo durou?",
        minutes="{number} minutos",
        unknown_minutes="não sei",
        logged="📓 Anotada, além do seu plano:",
        saved="Anotada.",
    ),
    availability=AvailabilityTexts(
        question=(
            "🗓 Em que dias você pode treinar, de {week}? Toque em um dia para marcar ou desmarcar; cada toque"
            " é salvo."
        ),
        possible="Salvo: {day}, sim.",
        impossible="Salvo: {day}, não.",
    ),
    languages=LanguageTexts(
        present="Idioma: {name}. Mude com {commands}; /language auto segue o Telegram.",
        chosen="De agora em diante escrevo para você em português.",
        automatic="De agora em diante escrevo no idioma do seu Telegram, se eu o conhecer.",
        usage="Sei escrever {languages}. Envie {commands}, ou /language auto para o idioma do seu Telegram.",
        named="em {name}",
        either="standard",
    ),
    command=_command,
    rules=RuleTexts(
        for_athletes="/{command} é para atletas que treinam. /start explica mais.",
        for_admins="/{command} é para quem administra este bot. /help diz o que posso fazer por você.",
        for_coach="/{command} funciona no chat do treinador.",
        own_chat="Me envie /{command} no nosso chat privado, por favor.",
        private="Me envie /{command} em um chat privado, por favor.",
        later=(
            "O banco de dados não responde agora. Tente de novo em alguns minutos; enquanto isso seus"
            " toques estão seguros."
        ),
    ),
    privacy=PrivacyTexts(
        privacy=(
            "O que guardo sobre você\n"
            "• Seu id do Telegram, seu nome, fuso e horários como seu treinador os definiu, suas pausas e"
            " seu idioma.\n"
            "• O que perguntei, quando, e o que você respondeu: o botão, esforço, dor, motivo, suas notas e o"
            " que você enviou com elas (como referência do Telegram), seu nome de usuário do Telegram, e até"
            " 50 versões anteriores de uma resposta que você mudou; as sessões que anotou, os dias em que"
            " você pode treinar, e as dores de que avisou, até passarem.\n"
            "• O que você e seu treinador escreveram um ao outro por mim.\n"
            "• Planos e números semanais que as ferramentas do seu treinador escrevem.\n"
            "• Uma contagem de toques que não diz de quem são.\n\n"
            "Por quanto tempo\n"
            "• Respostas, notas, suas versões anteriores e a contagem de toques: {feedback}.\n"
            "• Planos: {plans}. Registros de como foram feitos: {runs}; o que entrou neles, e os números"
            " semanais: até alguém apagar.\n"
            "• As perguntas e o que está na lista de atletas: até você apagar, ou quem cuida deste bot.\n\n"
            "Quem vê\n"
            "Seu treinador, as ferramentas que planejam para você, e quem cuida deste bot e do banco de dados"
            " dele.{coach} Os outros atletas não; em um grupo, todos veem as mensagens desse grupo.\n\n"
            "O que mais conserva isso\n"
            "O Telegram conserva este chat, e chats com bots não têm criptografia de ponta a ponta. As cópias"
            " de segurança conservam o que havia quando foram feitas, até quem cuida deste bot apagá-las.\n\n"
            "/mydata envia a você tudo o que está guardado. /forgetme apaga."
        ),
        coach=(
            " Quando você responde que alguma coisa dói, o chat do seu treinador fica sabendo na hora; o que"
            " você escreve e não é sobre nenhuma sessão também chega lá."
        ),
        mydata=(
            "Tudo o que está guardado sobre você, em um arquivo JSON; os horários estão em UTC. /privacy diz"
            " para que serve, /forgetme apaga."
        ),
        mydata_cut=(
            "Há mais do que o Telegram me deixa enviar, então o arquivo termina antes; ele diz onde. Quem"
            " cuida deste bot pode exportar o resto."
        ),
        forget_button="🗑 Apagar tudo",
        keep_button="Não apagar",
        what_remains=(
            "O que fica, e por quê\n"
            "• Planos e números semanais: seu treinador os escreveu, e fazem parte dos registros"
            " dele.{listed}\n"
            "• A contagem de toques, que não diz de quem são.\n"
            "• Quando você pediu para apagar, sob uma marca em que ninguém lê quem você é: por ela recuso o"
            " que for mais antigo.\n"
            "• Cópias de segurança feitas antes, até quem cuida deste bot apagá-las; e o log dele, que não"
            " tem nem suas respostas nem suas notas.\n"
            "• O que bancos de dados guardam contra falhas, seus próprios registros de mudanças, até os"
            " sobrescreverem.\n"
            "• As mensagens deste chat, e o que foi dito no chat do seu treinador: são do Telegram. Você pode"
            " apagar este chat."
        ),
        listed=(
            "\n"
            "• Seu id do Telegram: quem cuida deste bot o pôs na configuração (ATHLETE_IDS), e só essa pessoa"
            " pode tirá-lo. Para não perguntar nada, anoto uma pausa sem fim, até você me enviar /resume. Se"
            " você tocar em um botão meu antigo, ou responder a uma pergunta antiga, isso pode ser guardado."
        ),
        not_listed=(
            "\n"
            "• O nome curto que seu treinador deu a você na lista de atletas, sem mais nada que diga quem"
            " você é."
        ),
        warning=(
            "Isto apaga para sempre: suas respostas com suas notas e versões anteriores, minhas perguntas a"
            " você, o que contei ao seu treinador sobre dor, o que vocês se escreveram, os dias em que você"
            " pode treinar, seu idioma, e seu nome, fuso, horários e pausas. Não pergunto mais nada.\n\n"
            "{remains}\n\n"
            "Você quer isso? O botão funciona por 10 minutos. /mydata envia uma cópia antes."
        ),
        forgotten="Apagado.",
        forgotten_long="Seus dados foram apagados, e não pergunto mais nada.\n\n{remains}",
        kept="Certo, nada foi apagado.",
    ),
    week=WeekTexts(
        past=("passada", "anterior"),
        coming=("próxima", "seguinte"),
        usage="Envie /week para esta semana, /week {past} para a anterior, ou /week {coming} para a que vem.",
        not_answered_yet="❓ ainda sem resposta",
        not_answered="❔ sem resposta",
        answered_late="⌛ respondida tarde demais para valer",
        answer_unknown="✔️ respondida; a resposta não está mais guardada",
        paused="⏸ em pausa",
        undelivered="📭 minha pergunta não chegou a você",
        not_asked="▫️ não perguntada",
        not_due="🔜 ainda por vir",
        title="🗓 <b>Sua semana, {days}</b>",
        no_sessions="Nenhuma sessão planejada.",
        more="… e mais {sessions}",
        answered="Com resposta: {answered} de {asked}",
        pending="/pending pergunta de novo o que falta.",
        done_share="Feitas: {share} das sessões sobre as quais perguntei",
        effort="Esforço médio (RPE): {mean}",
        load="Carga das sessões (RPE × minutos): {load}",
        next="➡️ <b>Semana que vem: {sessions}</b>",
        same="tantas quanto nesta semana",
        fewer="{number} a menos que nesta semana",
        greater="{number} a mais que nesta semana",
        rest="sem sessões",
        why="Por quê: {why}",
        no_plan=(
            "➡️ Seu treinador lê suas respostas antes de planejar a semana que vem; o plano ainda não está lá."
        ),
    ),
    figures=FiguresTexts(
        outcomes=OutcomeTexts(
            late="tarde",
            invalid="inválido",
            unknown="desconhecido",
            refused="recusado",
            postponed="adiado",
            refused_command="mensagens recusadas",
        ),
        prompts=PromptStateTexts(
            pending="pendentes",
            sent="enviadas",
            answered="respondidas",
            late="tarde",
            expired="vencidas",
            undeliverable="não entregues",
            cancelled="canceladas",
        ),
        by_day="Respostas por dia",
        by_week="Respostas por semana",
        weeks_title="Sessões por semana, %",
        adherence="cumprimento",
        response="respondido",
        nothing="nada ainda",
        title="Últimos {days}",
        title_today="Hoje",
        rate="{sign} Salvo: {rate} ({written} de {about}{received})",
        no_taps="Ainda não chegou nenhuma resposta.",
        waiting="⏳ Esperando: {number}, desde {since}",
        dead_letters="⚠️ Mensagens não processadas: {number}",
        answers="Respostas: {number}",
        cut="Guardado desde {day}: dias anteriores não são contados.",
        sessions="Cumprimento {adherence}, respondido {response} de {asked}",
        not_asked="Nenhuma sessão foi perguntada.",
        weeks="Semana a semana: {weeks}",
        weeks_answered="Respondido por semana: {weeks}",
        hours="Respondido, pela hora da pergunta: {hours}",
        notes="Notas: {number} (semana a semana: {weeks})",
        delay="Tempo até a resposta: metade em {median}, 90 % em {p90}",
        not_written="Não salvo: {counts}",
        more="Outros toques (RPE, dor, visto): {number}",
        questions="Perguntas: {counts}",
        last="Última consulta {poll}, última resposta {write}",
        none="nenhuma",
        no_picture="(Sem imagem: não deu para desenhar; veja o log.)",
        no_extra="(Sem imagem: instale o extra, pip install -e '.[charts]', e reinicie o bot.)",
        usage="Escreva /stats ou /stats DIAS, com um número de dias de 1 a 365.",
        later="O banco de dados não responde agora, então não tenho números. Os toques estão seguros.",
    ),
)
