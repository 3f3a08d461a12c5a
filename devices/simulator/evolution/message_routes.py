"""`POST /message/…`: checks the body as Evolution API 2.3.7 does and hands a draft to `sending`."""

import asyncio
import mimetypes
import re
import sys
import traceback
from json.encoder import encode_basestring as quoted
from typing import Final

from devices.simulator.evolution import instances as states
from devices.simulator.evolution import refusals
from devices.simulator.evolution.calls import Call
from devices.simulator.evolution.fetching import BadMedium
from devices.simulator.evolution.instances import Instance
from devices.simulator.evolution.schemas import check_audio, check_media, check_text, is_base64, is_url
from devices.simulator.evolution.sending import Draft, send
from devices.simulator.evolution.world import World
from devices.simulator.ledger import Content
from devices.simulator.serving import bodies
from devices.simulator.serving.server import Request

_DEFAULT_NAMES: Final = {"image": "image.jpg", "video": "video.mp4"}
# 2.3.7 names a document without a name by this, so that it loses its ending.
_NAME_IN_URL: Final = re.compile(r".*/(.+?)\.")
_types = mimetypes.MimeTypes()  # not this machine's list, which may know more
for _ending, _type in {
    ".docx": "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
    ".xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    ".pptx": "application/vnd.openxmlformats-officedocument.presentationml.presentation",
    ".ogg": "audio/ogg",
    ".m4a": "audio/mp4",
    ".webp": "image/webp",
}.items():
    _types.add_type(_type, _ending)
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
    media, mediatype = body.get("media", ""), body["mediatype"]
    if bodies.FILE not in body:
        if is_base64(media) and not body.get("fileName") and mediatype == "document":
            return _NAME_REQUIRED
        if not is_url(media) and not is_base64(media):
            return _BAD_MEDIA
    if call.instance.state == states.NOT_LOADED:
        return refusals.crash("Cannot read properties of undefined (reading 'mediaMessage')")
    return _fetched_first(call, media, mediatype)


def send_audio(call: Call) -> bytes | None:
    body = call.body
    problems = check_audio(body)
    if problems:
        return refusals.invalid(problems)
    audio = body.get("audio", "")
    if bodies.FILE not in body and not is_url(audio) and not is_base64(audio):
        return _BAD_AUDIO
    if call.instance.state == states.NOT_LOADED:
        return refusals.crash("Cannot read properties of undefined (reading 'audioWhatsapp')")
    _send_medium(call, Content("audio", "audio/ogg; codecs=opus", ""))
    return None


def _fetched_first(call: Call, media: str, mediatype: str) -> bytes | None:
    """Send a medium once it was fetched; a url that is not looked at is sent at once."""
    fetcher = call.world.fetcher
    if bodies.FILE in call.body or not is_url(media) or fetcher.is_believed(media):
        return _send_prepared(call, media, mediatype, "")

    async def fetch_and_send() -> None:
        try:
            if mediatype != "image" and not call.instance.was_connected:
                answer: bytes | None = _not_prepared(_NO_CLIENT)
            else:
                content_type = await fetcher.fetch(media, is_image=mediatype == "image")
                answer = _send_prepared(call, media, mediatype, content_type)
        except BadMedium as bad:
            answer = _not_prepared(str(bad))
        except Exception as problem:  # said loudly, as the server does with what it calls
            traceback.print_exc(file=sys.stderr)
            answer = refusals.crash(f"simulator: {problem!r}")
        if answer is not None:
            call.request.answer(answer)

    call.world.later(asyncio.ensure_future(fetch_and_send()))
    return None


def _send_prepared(call: Call, media: str, mediatype: str, content_type: str) -> bytes | None:
    """What `prepareMediaMessage` does with a medium it has: upload it, name it, type it by its name."""
    if not call.instance.was_connected:
        return _not_prepared(_NO_CLIENT)
    file = call.body.get(bodies.FILE)
    name = call.body.get("fileName") or (file["name"] if file is not None else _DEFAULT_NAMES.get(mediatype, ""))
    if mediatype == "document" and not name:
        found = _NAME_IN_URL.match(media)
        if found is None:
            return _not_prepared("TypeError: Cannot read properties of null (reading '1')")
        name = found[1]
    # The name's ending decides, over the mimetype given and what the server says.
    mimetype = _type_of(name) if name else call.body.get("mimetype") or content_type or "application/octet-stream"
    _send_medium(call, Content(mediatype, mimetype, name))
    return None


_NO_CLIENT: Final = "TypeError: Cannot read properties of undefined (reading 'waUploadToServer')"


def _not_prepared(message: str) -> bytes:
    return refusals.error(500, [message])


def _type_of(name: str) -> str:
    """As `mime-types` looks it up, which takes a name without a dot for an ending: "pdf" is one, "d" is not."""
    return _types.guess_type(f"x.{name}")[0] or "false"


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


def _send_medium(call: Call, content: Content) -> None:
    # WhatsApp's audio has no caption: what was asked for is dropped without a word.
    caption = "" if content.mediatype == "audio" else call.body.get("caption", "")
    message_type, message = message_of(content, caption)
    kind = call.world.ledger.kind_of(content)
    draft = Draft(call.body["number"], caption, message, message_type, kind)
    send(call.world, call.instance, call.request, draft, call.body.get("delay", 0))
