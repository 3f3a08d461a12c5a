"""`POST /message/…`: checks the body as Evolution API 2.3.7 does and hands a draft to `sending`."""

import mimetypes
from json.encoder import encode_basestring as quoted
from urllib.parse import urlsplit

from devices.simulator.evolution import refusals
from devices.simulator.evolution.calls import Call
from devices.simulator.evolution.instances import Instance
from devices.simulator.evolution.schemas import check_audio, check_media, check_text, is_base64, is_url
from devices.simulator.evolution.sending import Draft, send
from devices.simulator.evolution.world import World
from devices.simulator.ledger import Content
from devices.simulator.serving import bodies
from devices.simulator.serving.server import Request

_DEFAULT_NAMES = {"image": "image.jpg", "video": "video.mp4", "audio": "audio.mp3", "document": "document"}
_TEXT_REQUIRED = refusals.bad_request("Text is required")
_BAD_MEDIA = refusals.bad_request("Owned media must be a url or base64")
_BAD_AUDIO = refusals.bad_request("Owned media must be a url, base64, or valid file with buffer")
_NAME_REQUIRED = refusals.bad_request("For base64 the file name must be informed.")


def send_text_at_once(world: World, instance: Instance, request: Request) -> None:
    """The hot path: a sendText whose target names a known instance."""
    body = bodies.read(request)
    instance.requests += 1
    key = request.headers.get(b"apikey", b"")
    if key != instance.key and key != world.global_key:
        request.answer(refusals.unauthorized())
        return
    _send_text(world, instance, request, body)


def send_text(call: Call) -> None:
    _send_text(call.world, call.instance, call.request, call.body)


def _send_text(world: World, instance: Instance, request: Request, body: bodies.Body) -> None:
    number, text = body.get("number"), body.get("text")
    if len(body) != 2 or type(number) is not str or type(text) is not str:
        problems = check_text(body)
        if problems:
            request.answer(refusals.invalid(problems))
            return
        number, text = body["number"], body["text"]
    if not text.strip():
        request.answer(_TEXT_REQUIRED)
        return
    message = f'{{"conversation":{quoted(text)}}}'
    send(world, instance, request, Draft(number, text, message), body.get("delay", 0))


def send_media(call: Call) -> bytes | None:
    body = call.body
    problems = check_media(body)
    if problems:
        return refusals.invalid(problems)
    media, mediatype, name = body.get("media", ""), body["mediatype"], body.get("fileName", "")
    file = body.get(bodies.FILE)
    if file is None:
        if is_base64(media) and not name and mediatype == "document":
            return _NAME_REQUIRED
        if not is_url(media) and not is_base64(media):
            return _BAD_MEDIA
    name = name or _name_of(media, mediatype, file)
    # the file name's extension decides, over the mimetype given
    mimetype = mimetypes.guess_type(name)[0] or body.get("mimetype") or "application/octet-stream"
    _send_medium(call, Content(mediatype, mimetype, name), body.get("caption", ""))
    return None


def send_audio(call: Call) -> bytes | None:
    body = call.body
    problems = check_audio(body)
    if problems:
        return refusals.invalid(problems)
    audio = body.get("audio", "")
    if bodies.FILE not in body and not is_url(audio) and not is_base64(audio):
        return _BAD_AUDIO
    _send_medium(call, Content("audio", "audio/ogg; codecs=opus", ""), "")
    return None


def message_of(content: Content, text: str) -> tuple[str, str]:
    """(message type, JSON of the message object), for answers, webhooks and findMessages."""
    if not content.mediatype:
        return "conversation", f'{{"conversation":{quoted(text)}}}'
    message_type = f"{content.mediatype}Message"
    fields = f'"url":"https://mmg.whatsapp.net/simulated","mimetype":{quoted(content.mimetype)}'
    if content.file_name and content.mediatype == "document":
        fields += f',"fileName":{quoted(content.file_name)}'
    if text:
        fields += f',"caption":{quoted(text)}'
    return message_type, f'{{"{message_type}":{{{fields}}}}}'


def _send_medium(call: Call, content: Content, caption: str) -> None:
    message_type, message = message_of(content, caption)
    kind = call.world.ledger.kind_of(content)
    draft = Draft(call.body["number"], caption, message, message_type, kind)
    send(call.world, call.instance, call.request, draft, call.body.get("delay", 0))


def _name_of(media: str, mediatype: str, file: dict[str, str] | None) -> str:
    if file is not None:
        return file["name"]
    if mediatype == "document" and is_url(media):
        return urlsplit(media).path.rsplit("/", 1)[-1] or _DEFAULT_NAMES[mediatype]
    return _DEFAULT_NAMES[mediatype]
