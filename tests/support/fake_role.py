"""A role for supervisor tests: speaks the control protocol, encodes nothing.

`python fake_role.py ROLE MODE --control-fd N`. As encoder it greets each client with a line and ends it when
the client sends `bye`; as capture it allocates a tiny segment and publishes. MODE makes it misbehave.
"""

from __future__ import annotations

import contextlib
import json
import os
import selectors
import signal
import socket
import sys
import time

from mpvnc.errors import ControlError
from mpvnc.geometry import Rect
from mpvnc.metrics import Counter
from mpvnc.workers import runtime


class Fake:
    def __init__(self, role, mode):
        self.role, self.mode = role, mode
        self.runtime = runtime.start(role, sys.argv[3:], death_signal=signal.SIGTERM)
        self.selector = selectors.DefaultSelector()
        self.selector.register(self.runtime.control, selectors.EVENT_READ, self.control)
        self.clients = {}
        self.generations = []

    def run(self):
        if self.mode == "exit":
            sys.exit(3)
        self.runtime.ready()
        if self.role == "capture" and self.mode != "mute":
            self.runtime.send({"type": "source", "state": "up", "backend": "fake", "name": "Fake screen"})
            self.runtime.send({"type": "allocate", "width": 64, "height": 32})
        while True:
            for key, _ in self.selector.select(0.2):
                key.data()
            if self.mode != "silent":
                self.runtime.beat()

    def control(self):
        try:
            received = self.runtime.control.receive()
        except BlockingIOError:
            return
        if received is None:
            if self.mode == "stubborn":
                self.selector.unregister(self.runtime.control)
                return
            if self.mode == "slow":
                time.sleep(1.0)
            sys.exit(0)
        message, fds = received
        getattr(self, f"on_{message['type']}", lambda *_: None)(message, fds)

    def on_segment(self, message, fds):
        if self.role == "encoder":
            self.generations.append(message["generation"])
            os.close(fds[0])
            return
        from mpvnc.frames.writer import FrameWriter  # it alone needs numpy, which takes long to load

        writer = FrameWriter(
            fds[0], message["generation"], message["width"], message["height"], message["first_frame"]
        )
        slot = writer.begin()
        writer.publish(slot, [Rect(0, 0, message["width"], message["height"])])
        self.runtime.send({"type": "published", "generation": message["generation"]})

    def on_worker_gone(self, message, fds):
        self.runtime.send({"type": "backend", "backend": f"released {message['clients']}"})

    def on_reconfigure(self, message, fds):
        self.runtime.reconfigure(message)
        backend = f"{self.runtime.config.input.control_policy} {self.runtime.secrets.password}"
        if self.role == "injector":
            self.runtime.send({"type": "backend", "backend": backend})

    def on_clients(self, message, fds):
        if self.mode == "dumb":
            return
        known = [
            {
                "client": client,
                "address": "fake",
                "worker": self.runtime.slot,
                "is_in": True,
                "view_only": False,
            }
            for client in self.clients
        ]
        for start in range(0, len(known) + 1, 2):
            share, rest = known[start : start + 2], known[start + 2 :]
            answer = {"type": "clients", "request": message["request"], "clients": share, "more": bool(rest)}
            self.runtime.send(answer)
            if not rest:
                break

    def on_drain(self, message, fds):
        if self.mode != "stubborn":
            sys.exit(0)

    def on_refused(self, message, fds):
        self.runtime.send({"type": "source", "state": "down", "reason": message["reason"]})

    def on_adopt(self, message, fds):
        sock = socket.socket(fileno=fds[0])
        self.clients[message["client"]] = sock
        facts = {**message, "secret": self.runtime.secrets.password, "slot": self.runtime.slot}
        facts["generations"] = self.generations
        sock.sendall(json.dumps(facts).encode() + b"\n")
        self.runtime.counters.add(Counter.BYTES_SENT, 10)
        if message["verdict"] == "refuse":
            self.gone(message["client"])
        else:
            self.selector.register(sock, selectors.EVENT_READ, lambda: self.client(message["client"]))

    def client(self, client):
        data = self.clients[client].recv(100)
        self.runtime.counters.add(Counter.BYTES_RECEIVED, len(data))
        if data == b"login\n":
            self.runtime.send(
                {"type": "client", "client": client, "state": "authenticated", "view_only": False}
            )
        elif data == b"wrong\n":
            self.runtime.send({"type": "auth_failed", "client": client, "address": "x"})
        elif data == b"exclusive\n":
            self.runtime.send({"type": "exclusive", "client": client})
        elif data == b"nonsense\n":
            self.runtime.send({"type": "client"})
        elif data == b"crash\n":
            os.kill(os.getpid(), signal.SIGKILL)
        else:
            self.gone(client)

    def gone(self, client):
        sock = self.clients.pop(client)
        if sock in self.selector.get_map():
            self.selector.unregister(sock)
        sock.close()
        self.runtime.send({"type": "client", "client": client, "state": "gone"})

    def on_auth_delay(self, message, fds):
        self.clients[message["client"]].sendall(json.dumps(message).encode() + b"\n")

    def on_evict(self, message, fds):
        victims = [message["client"]] if "client" in message else set(self.clients) - {message["except"]}
        for client in list(victims):
            if client in self.clients:
                self.clients[client].sendall(f"evicted: {message['reason']}\n".encode())
                self.gone(client)


if __name__ == "__main__":
    with contextlib.suppress(ControlError):  # the supervisor hung up while we spoke
        Fake(sys.argv[1], sys.argv[2]).run()
