"""Answers of the server leave at once."""

import socket

from thermoviz.dashboard.front import sockets


def at_once(one):
    return bool(one.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY))


def test_connections_accepted_from_now_on_send_at_once():
    with socket.create_server(("127.0.0.1", 0)) as listening, socket.socket() as other:
        sockets.send_at_once()
        assert at_once(listening) and not at_once(other)
        with socket.create_connection(listening.getsockname()) as visitor:
            accepted, _address = listening.accept()
            with accepted:
                assert at_once(accepted)
                accepted.sendall(b"hello")
                assert visitor.recv(5) == b"hello"


def test_where_a_system_does_not_list_sockets_nothing_happens(monkeypatch):
    monkeypatch.setattr(sockets, "DESCRIPTORS", "/nowhere/at/all")
    with socket.create_server(("127.0.0.1", 0)) as listening:
        sockets.send_at_once()
        assert not at_once(listening)
