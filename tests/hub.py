"""A hub of one's own, on this machine: serves folders as repositories, for tests."""

import hashlib
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

COMMIT = "0123456789abcdef0123456789abcdef01234567"


@contextmanager
def serve(root: Path) -> Iterator[tuple[str, list[str]]]:
    """Serve ``root``/OWNER/NAME as the repository OWNER/NAME; gives address and files asked for."""
    asked: list[str] = []

    class Hub(BaseHTTPRequestHandler):
        def do_HEAD(self) -> None:
            self._answer(with_body=False)

        def do_GET(self) -> None:
            self._answer(with_body=True)

        def log_message(self, *words: object) -> None:
            pass

        def _body(self, parts: list[str], folder: Path) -> bytes:
            if parts[0] != "api":
                asked.append(parts[-1]) if self.command == "GET" else None
                return folder.joinpath(*parts[4:]).read_bytes()
            return _tree(folder) if "tree" in parts else _facts(folder, "/".join(parts[2:4]))

        def _answer(self, with_body: bool) -> None:
            parts = self.path.partition("?")[0].strip("/").split("/")
            is_question = parts[0] == "api"
            folder = root.joinpath(*(parts[2:4] if is_question else parts[:2]))
            file = folder.joinpath(*parts[4:])
            if not folder.is_dir() or not (is_question or file.is_file()):
                self.send_response(404)
                self.send_header(
                    "X-Error-Code", "EntryNotFound" if folder.is_dir() else "RepoNotFound"
                )
                self.send_header("Content-Length", "0")
                self.end_headers()
                return
            body = self._body(parts, folder)
            self.send_response(200)
            self.send_header("ETag", f'"{hashlib.sha256(body).hexdigest()}"')
            self.send_header("X-Repo-Commit", COMMIT)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            if with_body:
                self.wfile.write(body)

    server = ThreadingHTTPServer(("127.0.0.1", 0), Hub)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}", asked
    finally:
        server.shutdown()
        server.server_close()


def _facts(folder: Path, name: str) -> bytes:
    siblings = [{"rfilename": path.name} for path in sorted(folder.iterdir())]
    facts = {"id": name, "sha": COMMIT, "siblings": siblings, "private": False, "tags": []}
    return json.dumps(facts).encode()


def _tree(folder: Path) -> bytes:
    files = [
        {"type": "file", "path": path.name, "size": path.stat().st_size, "oid": "0" * 40}
        for path in sorted(folder.iterdir())
    ]
    return json.dumps(files).encode()
