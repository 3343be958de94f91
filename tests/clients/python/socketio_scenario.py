"""One client of the official python-socketio, put through everything; prints what happened.

The argument is {"url", "transports", "refused": bool}. Each step prints one JSON line
[step, result]. Before the cut it prints ["cut me", null] and waits to lose its connection;
then it comes back by itself.
"""

import json
import sys
import threading

import socketio

DEADLINE_S = 20


def show(step, result=None):
    print(json.dumps([step, result]))


def plain(value):
    """Bytes, which JSON cannot hold, as {"bytes": hex}."""
    if isinstance(value, bytes):
        return {"bytes": value.hex()}
    if isinstance(value, (list, tuple)):
        return [plain(item) for item in value]
    if isinstance(value, dict):
        return {key: plain(item) for key, item in value.items()}
    return value


class Heard:
    """Events of a namespace, waited for one after the other."""

    def __init__(self, client, namespace):
        self._items = []
        self._changed = threading.Condition()
        for event in ("auth", "echo", "answer", "said", "connect", "disconnect"):
            client.on(event, self._hear(event), namespace=namespace)

    def _hear(self, event):
        def handler(*args):
            with self._changed:
                self._items.append((event, plain(list(args))))
                self._changed.notify_all()

        return handler

    def next(self, event):
        """The first one not yet taken."""
        with self._changed:
            found = self._changed.wait_for(lambda: self._find(event), DEADLINE_S)
            if not found:
                raise TimeoutError(f"no {event}; heard {self._items}")
            self._items.remove(found)
            return found[1]

    def _find(self, event):
        return next((item for item in self._items if item[0] == event), None)


def refused(url, transports):
    client = socketio.Client()
    reasons = []
    client.on("connect_error", reasons.append, namespace="/echo")
    try:
        client.connect(url, transports=transports, namespaces=["/echo"], auth={"refuse": "not today"}, wait_timeout=DEADLINE_S)
        show("refused", "was let in")
    except socketio.exceptions.ConnectionError:
        show("refused", reasons)
    finally:
        client.disconnect()


def everything(url, transports):
    client = socketio.Client(reconnection_delay=0.1, reconnection_delay_max=0.2, randomization_factor=0)
    heard = {name: Heard(client, name) for name in ("/echo", "/echo-3")}
    echo, other = heard["/echo"], heard["/echo-3"]
    client.on("question", lambda *args: tuple(args), namespace="/echo")

    client.connect(url, transports=transports, namespaces=list(heard), auth={"token": "grüße"}, wait_timeout=DEADLINE_S)
    show("transport", client.transport())
    show("auth", echo.next("auth"))
    show("auth of the second namespace", other.next("auth"))
    echo.next("connect")
    other.next("connect")

    # Answered all at once: a poll answer of more than 16 packets would be thrown away.
    for n in range(50):
        client.emit("echo", (n, {"n": [n]}), namespace="/echo")
    show("echoes", [echo.next("echo")[0] for _ in range(50)])
    show("call", client.call("echo", ("ä", 2), namespace="/echo", timeout=DEADLINE_S))
    client.emit("ask", ("why?", 1), namespace="/echo")
    show("answer", echo.next("answer"))

    client.emit("echo", (b"\x00\xff", {"inside": [b"", b"\x01" * 3]}), namespace="/echo")
    show("binary", echo.next("echo"))
    show("binary call", plain(client.call("echo", {"pixels": b"\x02\x03"}, namespace="/echo", timeout=DEADLINE_S)))

    client.call("join", "kitchen", namespace="/echo", timeout=DEADLINE_S)
    client.emit("say-all", "here only", namespace="/echo-3")
    show("said in the second namespace", other.next("said"))
    show("joined", client.sid is not None)
    show("said in the room", echo.next("said"))

    show("cut me")
    echo.next("disconnect")
    show("lost")
    echo.next("connect")
    other.next("connect")
    show("back", client.call("echo", "again", namespace="/echo", timeout=DEADLINE_S))

    client.emit("kick", False, namespace="/echo-3")
    other.next("disconnect")
    show("kicked from one", client.call("echo", "still here", namespace="/echo", timeout=DEADLINE_S))
    client.emit("kick", True, namespace="/echo")
    echo.next("disconnect")
    show("kicked")
    client.disconnect()


wanted = json.loads(sys.argv[1])
refused(wanted["url"], wanted["transports"])
everything(wanted["url"], wanted["transports"])
show("end")
