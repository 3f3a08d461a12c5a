"""What a real Evolution API 2.3.7 answered, situation by situation; tokens, numbers and names replaced.

`given` arranges the situation, `call` is asked, `status` and `body` are the answer; `says` and `absent` are what tells
it from others. `…` stands for what was not recorded. `{files}` is a server of the tests. `verdict` is what our client
makes of the answer to a send: the class and code of its error, or "accepted".
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

_HERE: Final = Path(__file__).parent


@dataclass(frozen=True)
class Recorded:
    situation: str
    source: str
    call: Sequence[Any]
    status: int
    body: Any
    given: Sequence[dict[str, Any]] = ()
    key: str = "instance"
    says: Sequence[str] = ()
    absent: Sequence[str] = ()
    verdict: str = ""

    def at(self, files: str) -> "Recorded":
        """The same with the address of the tests' files."""
        return Recorded(**json.loads(json.dumps(vars(self)).replace("{files}", files)))


def answers() -> list[Recorded]:
    return [
        Recorded(**each)
        for file in sorted((_HERE / "answers").glob("*.json"))
        for each in json.loads(file.read_bytes())
    ]


def events() -> list[dict[str, Any]]:
    """What it posted to a webhook: {"situation", "given", "body"}."""
    return list(json.loads((_HERE / "events.json").read_bytes()))


def webhooks() -> list[dict[str, Any]]:
    """All that it posted, each kind once: {"situation", "body", "tick": what it says of a message of ours, or null}."""
    return list(json.loads((_HERE / "webhooks.json").read_bytes()))


def differences(real: Any, ours: Any, place: str = "answer") -> list[str]:
    """Where an answer has another shape than the real one: its keys, its types, the length of its lists."""
    if real == "…":
        return []
    if isinstance(real, dict) and isinstance(ours, dict):
        named = real.keys() - {"…"}
        missing = [f"{place}.{key} is missing" for key in sorted(named - ours.keys())]
        added = [] if "…" in real else [f"{place}.{key} is not in the real one" for key in sorted(ours.keys() - named)]
        common = [found for key in named & ours.keys() for found in differences(real[key], ours[key], f"{place}.{key}")]
        return missing + added + common
    if isinstance(real, list) and isinstance(ours, list):
        if len(real) != len(ours):
            return [f"{place} has {len(ours)} items, the real one {len(real)}"]
        pairs = enumerate(zip(real, ours, strict=True))
        return [found for number, (one, other) in pairs for found in differences(one, other, f"{place}[{number}]")]
    if type(real) is type(ours):
        return []
    return [f"{place} is {ours!r}, the real one {real!r}"]
