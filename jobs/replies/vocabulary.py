"""The words of `keywords`, folded, by language. The single words are those of the field (Twilio's set, Brazilian
senders' set, Spanish ones alike); the sentences and what may stand beside them are ours, and grow with near misses.

A word that also answers other questions ("cancelar" a booking, the "end" of a story) asks to be left alone only by
itself; one that means nothing else does among any words that add nothing.
"""

from enum import StrEnum
from typing import Final

from accounts.written.folding import word_set


class Force(StrEnum):
    """How plain a word is."""

    CLEAR = "clear"  # means nothing else: among words of courtesy, of wishing and of messages
    FIRM = "firm"  # alone, beside words of courtesy in three words, or with a word of messages
    BARE = "bare"  # alone, or with a word of messages


def _phrases(text: str) -> tuple[str, ...]:
    return tuple(phrase.strip() for phrase in text.split(","))


# Language: force: phrases. The first language that has a phrase is not its only one: `LANGUAGES_OF`.
OUT: Final[dict[str, dict[Force, tuple[str, ...]]]] = {
    "es": {
        Force.CLEAR: _phrases(
            "baja, stop, salir, salirme, salgo, desuscribir, desuscribirme, desuscribanme, desuscribeme, "
            "desuscripcion, "
            "desinscribir, desinscribirme, cancelar suscripcion, "
            "dar de baja, darme de baja, dame de baja, denme de baja, deme de baja, darse de baja, den de "
            "baja, dar baja, dame baja, "
            "no mas, no enviar mas, no envien mas, no envies mas, no envie mas, no me envien mas, no me "
            "envies mas, "
            "no me manden mas, no me mandes mas, no manden mas, "
            "no me escriban, no me escribas, no me escriba, no me escriban mas, no me escribas mas, no "
            "escribir mas, "
            "no escriban mas, no molestar, no molesten, no molestes, no moleste, no me molesten, no me molestes, "
            "dejen de escribirme, deja de escribirme, deje de escribirme, dejen de escribir, deja de escribir, "
            "dejen de enviar, deja de enviar, dejen de enviarme, deja de enviarme, dejen de mandar, deja de "
            "mandar, "
            "dejen de mandarme, deja de mandarme, dejen de molestar, deja de molestar, "
            "borren mi numero, borra mi numero, borrenme, eliminen mi numero, elimina mi numero, eliminenme, "
            "saquenme, sacame, quitenme, quitame, retirenme"
        ),
        Force.FIRM: _phrases(
            "parar, paren, alto, detener, detenganse, remover, remuevanme, eliminar, no quiero, ya no quiero, "
            "no deseo, "
            "ya no deseo, basta"
        ),
        Force.BARE: _phrases("cancelar, cancelen, cancela"),
    },
    "pt": {
        Force.CLEAR: _phrases(
            "stop, sair, descadastrar, descadastre, descadastra, descadastrem, me descadastre, descadastramento, "
            "cancelar inscricao, cancelar assinatura, nao receber, nao quero receber, nao desejo receber, "
            "nao envie mais, nao enviem mais, nao envia mais, nao me envie mais, nao me enviem mais, nao "
            "mande mais, "
            "nao mandem mais, nao me mande mais, nao me mandem mais, nao mandar mais, nao enviar mais, "
            "pare de enviar, parem de enviar, para de enviar, pare de mandar, parem de mandar, para de mandar, "
            "pare de me mandar, pare de me enviar, parem de me mandar, parem de me enviar, parar de receber, "
            "nao me incomode, nao me incomodem, nao perturbe, nao me perturbe, nao me perturbem, "
            "me tire, me tira, me tirem, me remova, me remove, me removam, tire meu numero, tira meu numero, "
            "remova meu numero, apague meu numero, exclua meu numero, me exclua"
        ),
        Force.FIRM: _phrases(
            "parar, pare, parem, remover, nao quero, nao quero mais, nao desejo, nao desejo mais, excluir, chega"
        ),
        Force.BARE: _phrases("cancelar, cancele, cancela"),
    },
    "en": {
        Force.CLEAR: _phrases(
            "stop, stopall, stop all, unsubscribe, unsubscribe me, optout, opt out, opt me out, revoke, "
            "stop messaging me, stop texting me, stop sending, stop sending me, stop contacting me, stop "
            "writing me, "
            "dont message me, do not message me, dont text me, do not text me, do not contact me, dont contact me, "
            "do not send, dont send, do not disturb, no more, remove me, take me off, delete my number, "
            "remove my number, leave me alone"
        ),
        Force.FIRM: _phrases("quit, i dont want, i do not want, dont want, remove"),
        Force.BARE: _phrases("cancel, end"),
    },
}
IN: Final[dict[str, tuple[str, ...]]] = {
    "es": _phrases(
        "alta, iniciar, volver, acepto, reanudar, start, quiero recibir, deseo recibir, darme de alta, dame de alta"
    ),
    "pt": _phrases("voltar, quero receber, desejo receber, iniciar, entrar, aceito, start"),
    "en": _phrases("start, unstop, subscribe, resume, yes"),
}
# Means it only soon after it was said that one wants no more.
ONLY_AFTER_OUT: Final = frozenset({"yes"})

COURTESY: Final = word_set(
    "por favor porfavor porfa porfis xfa xfavor plis gracias muchas hola buenas buenos buen dia dias tardes noches "
    "ok okey senor senora senores amigo amigos saludos disculpe disculpa "
    "obrigado obrigada obg brigado muito oi ola bom boa tarde noite pfv pf favor "
    "please pls plz thanks thank you thx ty hi hello hey kindly sorry"
)
WISH: Final = word_set(
    "quiero quisiera deseo solicito pido necesito mi mis me de del la las el los a al en esta este estos "
    "estas su sus "
    "un una y ya mas nada tu tus ustedes que se desde ahora hoy inmediatamente nunca jamas otra vez escribo "
    "quero queria gostaria desejo solicito preciso meu minha meus minhas da do das dos na nesta neste desta deste "
    "essa esse o os as e ja mais nunca agora voces voce "
    "i want would like to my your from this these the any more to us now for of receive receiving get getting "
    "ever again"
)
MESSAGES: Final = word_set(
    "mensaje mensajes msj msjs msg msgs mensajeria publicidad publicidades propaganda propagandas promocion "
    "promociones "
    "promo promos spam whatsapp whatsapps wsp wpp wasap wsap wp sms notificacion notificaciones avisos "
    "comunicaciones "
    "suscripcion lista listas envio envios contacto contactos numero celular telefono base datos "
    "informacion recibir recibiendo enviar enviarme enviando mandar mandarme mandando escribir escribirme "
    "mensagem mensagens publicidade promocao promocoes notificacao notificacoes inscricao cadastro contato "
    "contatos "
    "zap telefone receber recebendo divulgacao divulgacoes enviarem mandarem "
    "message messages text texts texting messaging list lists subscription subscriptions marketing promotions ads "
    "advertising notifications updates number phone sending"
)
