from __future__ import annotations

import socket

from mpvnc.cairovnc import CairoVNCOptions, VNCConnection


class Server:
    """Keeps what a connection asks of it."""

    def __init__(self):
        self.options = CairoVNCOptions(password="a")
        self.asked = []

    def client_log(self, client, message):
        self.asked.append((client, message))

    def send_away(self, client):
        self.asked.append((client, "away"))


class Counting(VNCConnection):
    """Prepares itself."""

    def setup(self):
        self.password = self.options.password


def test_a_connection_keeps_the_options_it_came_with_and_asks_its_server():
    server = Server()
    with socket.socket() as sock:
        connection = Counting(sock, ("127.0.0.1", 5), server)
    server.options.password = "b"
    assert (connection.options.password, connection.password, connection.client) == ("a", "a", None)
    connection.log("hello")
    connection.disconnect()
    assert server.asked == [(connection, "hello"), (connection, "away")]
    assert repr(connection) == "<Counting None from ('127.0.0.1', 5)>"
