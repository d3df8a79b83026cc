"""A TCP relay between two parts of a test, which delays, cuts, silences, throttles or holds what passes."""

import contextlib
import socket
import threading
import time

# Directions: what the client says, what it is told.
UP, DOWN = "up", "down"


class Relay:
    """Listens on a port of its own for the server at `target_port`.

    cut()       connections die, new ones are refused
    silence()   bytes vanish, in both directions or one; connections stay and new ones are taken
    delay       seconds that each piece of data is late, in each direction
    silence_present()  the same for the connections that there are, for good; new ones pass
    rate        bytes a second that pass in each direction; None: as many as come
    heal()      back to passing everything; what was swallowed cannot be made good, so its connections die
    """

    def __init__(self, target_port, server=None):
        """`server`: a socket that listens already, maybe in another network."""
        self.target_port = target_port
        self.mode = "pass"
        self.silent = set()
        self.silenced = set()  # Sockets that are never sent to again.
        self.delay = 0
        self.rate = None
        self.bytes = 0
        self.cut_at = None
        self.hold_at = None
        self.held = threading.Event()
        self.released = threading.Event()
        self.lock = threading.Lock()
        self.pairs = set()
        self.server = server or socket.create_server(("127.0.0.1", 0), backlog=128)
        self.port = self.server.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self):
        while True:
            try:
                client, _ = self.server.accept()
            except OSError:
                return
            if self.mode == "cut":
                client.close()
                continue
            target = socket.socket()
            try:
                target.connect(("127.0.0.1", self.target_port))
            except OSError:
                target.close()
                client.close()
                continue
            for end in (client, target):
                end.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            threading.Thread(target=self._serve, args=(client, target), daemon=True).start()

    def _serve(self, client, target):
        with client, target:
            with self.lock:
                self.pairs.add((client, target))
            if self.mode == "cut":
                self._end(client, target)
            back = threading.Thread(target=self._pump, args=(target, client, DOWN), daemon=True)
            back.start()
            self._pump(client, target, UP)
            back.join()
            with self.lock:
                self.pairs.discard((client, target))

    def _pump(self, source, sink, direction):
        with contextlib.suppress(OSError):
            while True:
                data = source.recv(65536 if self.rate is None else max(1, min(65536, self.rate // 10)))
                if not data:
                    break
                self.bytes += len(data)
                if self.cut_at and self.bytes >= self.cut_at:
                    self.cut_at = None
                    self.cut()
                if self.hold_at and self.bytes >= self.hold_at:
                    self.hold_at = None
                    self.held_socket = source
                    self.held.set()
                    self.released.wait()
                late = self.delay + (len(data) / self.rate if self.rate else 0)
                if late:
                    time.sleep(late)
                if self.mode == "pass" and direction not in self.silent and sink not in self.silenced:
                    sink.sendall(data)
        self._end(source, sink)

    @staticmethod
    def _end(*ends):
        for end in ends:
            with contextlib.suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)

    def drop(self):
        """Ends the connections that there are; new ones pass."""
        with self.lock:
            pairs = list(self.pairs)
        for pair in pairs:
            self._end(*pair)

    def cut(self):
        self.mode = "cut"
        self.drop()

    def cut_after(self, count):
        """Cuts once that many more bytes have passed."""
        self.cut_at = self.bytes + count

    def hold_after(self, count):
        """Holds the one connection that passes that many more bytes, until release()."""
        self.held.clear()
        self.released.clear()
        self.hold_at = self.bytes + count

    def release(self):
        self.released.set()

    def held_one_has_ended(self):
        return self.held_socket.fileno() < 0

    def silence(self, *directions):
        self.silent = set(directions or (UP, DOWN))

    def silence_present(self):
        with self.lock:
            for pair in self.pairs:
                self.silenced.update(pair)

    def heal(self):
        self.delay, self.rate = 0, None
        if self.silent:
            self.drop()
            self.silent = set()
        self.mode = "pass"

    def close(self):
        self.release()
        self.cut()
        self.server.close()
