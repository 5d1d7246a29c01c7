# SPDX-License-Identifier: Apache-2.0
"""Lines over TCP, both ways."""

import contextlib
import queue
import socket
import threading

from common.gstreamer import Failure

WAITING_LINES = 64  # for a client that reads too slowly; then it misses the oldest
MAX_CLIENTS = 64


class LineServer:
    """Sends every line to all clients and hands over what they send.

    on_line(line): called in a thread of the client with bytes of at most max_line; what it returns,
    if anything, is the answer to this client alone. Throws Failure when the port is taken.
    """

    def __init__(self, host, port, max_line, on_line):
        self.max_line, self.on_line = max_line, on_line
        self.clients = {}  # connection: lines that wait to be sent
        self.lock = threading.Lock()
        try:
            self.socket = socket.create_server((host, port))
        except (OSError, OverflowError) as problem:
            reason = getattr(problem, "strerror", None) or problem
            raise Failure(f"cannot listen on {host}:{port}: {reason}") from None
        threading.Thread(target=self._accept, daemon=True).start()

    def address(self):
        return "{}:{}".format(*self.socket.getsockname()[:2])

    def send(self, line):
        """Never waits."""
        with self.lock:
            waiting = list(self.clients.values())
        for lines in waiting:
            self._put(lines, line)

    @staticmethod
    def _put(lines, line):
        while True:
            with contextlib.suppress(queue.Full):
                return lines.put_nowait(line)
            with contextlib.suppress(queue.Empty):
                lines.get_nowait()

    def _accept(self):
        while True:
            connection, _ = self.socket.accept()
            with self.lock:
                if len(self.clients) >= MAX_CLIENTS:
                    connection.close()
                    continue
                lines = self.clients[connection] = queue.Queue(WAITING_LINES)
            for work in (self._read, self._write):
                threading.Thread(target=work, args=(connection, lines), daemon=True).start()

    def _read(self, connection, lines):
        """Until the client has no more to say; it may listen on."""
        with contextlib.suppress(OSError), connection.makefile("rb") as file:
            while line := file.readline(self.max_line + 1):
                if len(line) > self.max_line:
                    connection.shutdown(socket.SHUT_RDWR)
                    return
                answer = self.on_line(line.strip()) if line.strip() else None
                if answer:
                    self._put(lines, answer)

    def _write(self, connection, lines):
        with contextlib.suppress(OSError):
            while True:
                connection.sendall(lines.get())
        with self.lock:
            del self.clients[connection]
        connection.close()
