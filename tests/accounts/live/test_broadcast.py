"""From any process to the open WebSockets."""

from channels.layers import get_channel_layer
from redis import Redis

from accounts.live import broadcast


async def test_a_message_reaches_those_in_its_group_only():
    layer = get_channel_layer()
    here, elsewhere = await layer.new_channel(), await layer.new_channel()
    await layer.group_add("broadcast.here", here)
    await layer.group_add("broadcast.elsewhere", elsewhere)
    broadcast.broadcast([("broadcast.here", {"n": 1}), ("broadcast.elsewhere", {"n": 2}), ("broadcast.here", {"n": 3})])
    assert [await layer.receive(here), await layer.receive(here)] == [{"n": 1}, {"n": 3}]
    assert await layer.receive(elsewhere) == {"n": 2}
    await layer.group_discard("broadcast.here", here)
    await layer.group_discard("broadcast.elsewhere", elsewhere)


def test_nobody_is_stopped_by_a_redis_that_is_away(monkeypatch):
    monkeypatch.setattr(broadcast, "redis", lambda: Redis(port=1, socket_connect_timeout=1))
    broadcast.broadcast([("broadcast.here", {"n": 1})])
