"""Which function answers which request, and who may ask: guards in Evolution API's order, exists then key."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote

from devices.simulator.evolution import instance_routes, lookups, message_routes, refusals
from devices.simulator.evolution.calls import Call
from devices.simulator.evolution.world import VERSION, World
from devices.simulator.serving import bodies, wire
from devices.simulator.serving.server import Request

Act = Callable[[Call], bytes | None]


@dataclass(frozen=True, slots=True)
class Route:
    """`act` returns a response, or None if it answers by itself, later or never."""

    act: Act
    names_instance: bool = True
    is_send: bool = False  # sends meet the faults later, with their number


ROUTES: dict[tuple[str, str], Route] = {
    ("POST", "message/sendtext"): Route(message_routes.send_text, is_send=True),
    ("POST", "message/sendmedia"): Route(message_routes.send_media, is_send=True),
    ("POST", "message/sendwhatsappaudio"): Route(message_routes.send_audio, is_send=True),
    ("POST", "chat/whatsappnumbers"): Route(lookups.whatsapp_numbers),
    ("POST", "chat/findmessages"): Route(lookups.find_messages),
    ("POST", "chat/findstatusmessage"): Route(lookups.find_status),
    ("GET", "instance/connectionstate"): Route(instance_routes.connection_state),
    ("GET", "instance/connect"): Route(instance_routes.connect),
    ("GET", "instance/fetchinstances"): Route(instance_routes.fetch_instances, names_instance=False),
    ("POST", "instance/create"): Route(instance_routes.create, names_instance=False),
    ("POST", "instance/restart"): Route(instance_routes.restart),
    ("DELETE", "instance/logout"): Route(instance_routes.logout),
    ("DELETE", "instance/delete"): Route(instance_routes.delete),
    ("POST", "webhook/set"): Route(instance_routes.set_webhook),
    ("GET", "webhook/find"): Route(instance_routes.find_webhook),
}


class Router:
    """Evolution API as a `Personality` of the server. `control` serves what is asked of the simulator itself."""

    def __init__(self, world: World, control: Callable[[World, Request], None]) -> None:
        self._world = world
        self._control = control

    def serve(self, request: Request) -> None:
        world = self._world
        instance = world.text_routes.get(request.target)
        try:
            if instance is not None and request.method == b"POST":
                world.requests += 1
                world.last_requests.append(request)
                message_routes.send_text_at_once(world, instance, request)
            elif request.target.startswith(b"/_simulator"):
                self._control(world, request)
            else:
                world.requests += 1
                world.last_requests.append(request)
                answer = self._answer(request)
                if answer is not None:
                    request.answer(answer)
        except bodies.BrokenBody as broken:
            request.answer(refusals.broken_json(str(broken)))

    def refuse_size(self, request: Request) -> None:
        request.answer(refusals.too_large())

    def confess(self, request: Request, problem: Exception) -> None:
        request.answer(refusals.crash(f"simulator: {problem!r}"))

    def _answer(self, request: Request) -> bytes | None:
        path, query = request.path_and_query()
        if path == "/" and request.method == b"GET":
            return _welcome(request)
        body = bodies.read(request)  # broken JSON is refused before any route or key is looked at
        method = request.method.decode()
        family, _, rest = path.strip("/").partition("/")
        verb, _, name = rest.partition("/")
        route = ROUTES.get((method, f"{family}/{verb}".lower()))
        if route is None or route.names_instance != bool(name) or "/" in name:
            return refusals.not_found(f"Cannot {method} {request.target.decode('utf-8', 'replace')}")
        call = Call(self._world, request, query, body, _key(request), self._world.instances.get(unquote(name)))
        return self._guarded(route, call, unquote(name))

    def _guarded(self, route: Route, call: Call, name: str) -> bytes | None:
        world = call.world
        gate = None if route.is_send else world.plan_for(call.found).gate()
        if gate is not None:
            return refusals.gate_answer(gate.fault.name, gate.parameter, call.found)
        if route.names_instance and call.found is None:
            return refusals.not_found(f'The "{name}" instance does not exist')
        if route.act is instance_routes.create and self._is_taken(call.body.get("instanceName")):
            wanted = call.body.get("instanceName", "undefined")
            return refusals.error(403, [f'This name "{wanted}" is already in use.'])
        if not call.has_global_key and not self._has_instance_key(route, call):
            return refusals.unauthorized()
        if call.found is not None:
            call.found.requests += 1
        return route.act(call)

    def _is_taken(self, name: Any) -> bool:
        """No name at all is looked for without one, and so found as soon as there is any instance."""
        if name is None:
            return any(True for _ in self._world.instances)
        return self._world.instances.get(str(name)) is not None

    def _has_instance_key(self, route: Route, call: Call) -> bool:
        if not call.key:
            return False
        if call.found is not None:
            return call.key == call.found.token
        return route.act is instance_routes.fetch_instances and bool(call.world.instances.with_token(call.key))


def _key(request: Request) -> str:
    return request.headers.get(b"apikey", b"").decode("utf-8", "replace")


def _welcome(request: Request) -> bytes:
    host = request.headers.get(b"host", b"").decode("latin-1")
    body = {
        "status": 200,
        "message": "Welcome to the Evolution API, it is working!",
        "version": VERSION,
        "clientName": "pregonero_simulator",
        "manager": f"http://{host}/manager",
        "documentation": "https://doc.evolution-api.com",
        "whatsappWebVersion": "2.3000.1023204200",
    }
    return wire.json_answer(200, body)
